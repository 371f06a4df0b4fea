"""Tables of rows beyond memory: mapped from files, or in fewer bits a number."""

import builtins
import mmap
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastembed import _check
from fastembed._files.npy import mapped
from fastembed._inputs import Array
from fastembed.ops.reduced import gather_reduced_if_fit

__all__ = ["QuantizedTable", "create", "flush", "open", "quantize", "release"]

# what a table's numbers are -> as what they lie in memory: NumPy has no bfloat16
STORED = {"float16": np.float16, "bfloat16": np.uint16, "int8": np.int8}
DTYPES = [np.dtype(kind) for kind in (np.float32, np.float64, *STORED.values())]
NAMES = ", ".join(map(str, DTYPES))
LARGEST = {"float16": 65504.0, "bfloat16": 3.3895314e38, "int8": 3.4028235e38}
BLOCK = 1 << 20  # numbers that are converted at a time


# ---- in files


def create(path: Any, shape: tuple[int, int], dtype: DTypeLike = np.float32) -> Array:
    """Create a table of zeros as a ``.npy`` file, and map it.

    The file's space is reserved where the system can, so that no later write finds the disk full.

    Parameters
    ----------
    path : path_like
    shape : (V, D)
    dtype : dtype
        float32 or float64; float16, int8 and uint16 for what a `QuantizedTable` looks up.

    Returns
    -------
    (V, D) numpy.memmap
        What is written to it is in the file: for other processes at once, after `flush` on disk.

    Raises
    ------
    FileExistsError
        If path is there already; `open` it.
    OSError
        If it cannot be written, or the disk has too little space.
    """
    if not isinstance(shape, tuple | list):
        raise TypeError(f"shape must be (V, D), got {shape!r:.80}")
    sizes = tuple(_check.integer(f"shape[{k}]", size) for k, size in enumerate(shape))
    if len(sizes) != 2 or min(sizes) < 1:
        raise ValueError(f"shape must be (V, D) with V >= 1 and D >= 1, got {shape}")
    if np.dtype(dtype) not in DTYPES:
        raise TypeError(f"dtype must be {NAMES}, got {np.dtype(dtype)}")
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        table = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), sizes)
        if hasattr(os, "posix_fallocate"):
            with builtins.open(path, "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    except BaseException:
        os.unlink(path)
        raise
    return table


def open(path: Any, mode: str = "r+") -> Array:
    """Map a table from a ``.npy`` file: only the rows that are used are read.

    Parameters
    ----------
    path : path_like
    mode : str
        'r' to read, 'r+' to write to the file too.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it holds anything else than a table, or is cut off.
    """
    if mode not in ("r", "r+"):
        raise ValueError(f"mode must be 'r' or 'r+', got {mode!r}")
    try:
        mapped(path)  # r+ would fill up a file that was cut off
        table: Array = mapped(path, mode)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} is no table: {error}") from error
    if table.ndim != 2 or not table.flags.c_contiguous or table.dtype not in DTYPES:
        order = "C" if table.flags.c_contiguous else "Fortran"
        found = f"{table.dtype} of shape {table.shape} in {order} order"
        raise ValueError(
            f"{os.fspath(path)!r} must hold (V, D) numbers of {NAMES} in C order, got {found}"
        )
    return table


def flush(*tables: Array) -> None:
    """Return when all that was written to mapped tables is on the disk."""
    for table in tables:
        _mapping(table).flush()


def release(*tables: Array) -> None:
    """Give back the memory of mapped tables' pages; what was written to them stays written.

    The system keeps the pages as its cache as long as it has room. Called every so many steps, it
    bounds the memory of a process by the pages mapped in between: up to 64 KB for a row, since
    Linux maps those around it that it has in its cache. Windows has no such call: there the system
    alone decides.
    """
    for table in tables:
        mapping = _mapping(table)
        if hasattr(mmap, "MADV_DONTNEED"):
            mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(table: Any) -> mmap.mmap:
    """What maps the file of an array, or of one that it is a view of."""
    base, mode = table, None
    while isinstance(base, np.ndarray):
        base, mode = base.base, getattr(base, "mode", mode)
    # of a copy, or of memory that is no file's, what was written would be lost
    if not isinstance(base, mmap.mmap) or mode not in ("r", "r+", "w+"):
        kind = "a copy of a file" if mode == "c" else type(table).__name__
        raise TypeError(f"table must be mapped from a file, got {kind}")
    return base


# ---- in fewer bits


class QuantizedTable:
    """Rows in fewer bits a number, which come out as float32; `quantize` makes them.

    Parameters
    ----------
    values : (V, D) ndarray
        float16, uint16 (the bits of bfloat16) or int8; it may be mapped from a file.
    scales : (V,) ndarray of float32, optional
        A factor for each row; int8 needs them.
    """

    def __init__(self, values: Array, scales: Array | None = None) -> None:
        values = np.asarray(_check.own("values", values))
        if values.dtype not in map(np.dtype, STORED.values()):
            raise TypeError(f"values must be float16, uint16 or int8, got {values.dtype}")
        if values.ndim != 2:
            raise ValueError(f"values must have 2 axes, got shape {values.shape}")
        if (scales is not None) != (values.dtype == np.int8):
            raise TypeError("scales must be given for int8, and for no other dtype")
        if scales is not None:
            scales = _check.floats("scales", scales, 1, np.float32)
            _check.shape("scales", scales, values.shape[:1], "(V,)")
        self.values, self.scales = values, scales

    @property
    def shape(self) -> tuple[int, ...]:
        """(V, D)."""
        return self.values.shape

    @property
    def nbytes(self) -> int:
        """Bytes of all rows and their scales."""
        return self.values.nbytes + (0 if self.scales is None else self.scales.nbytes)

    def gather(self, idx: ArrayLike, *, out: Array | None = None) -> Array:
        """Look up rows by ids of any shape, as `fastembed.ops.gather` does.

        Parameters
        ----------
        idx : array_like of integers
            In [-V, V); negative ones count from the end.
        out : idx.shape + (D,) ndarray of float32, optional

        Returns
        -------
        idx.shape + (D,) ndarray of float32

        Raises
        ------
        IndexError
            If an id is out of bounds; nothing is written then.
        """
        rows = gather_reduced_if_fit(self.values, self.scales, idx, out)
        return self._gather_any(idx, out) if rows is None else rows

    def _gather_any(self, idx: ArrayLike, out: Array | None) -> Array:
        ids = _check.integers("idx", idx)
        flat = _check.indices("idx", ids, self.shape[0], "the table")
        shape = (*ids.shape, self.shape[1])
        if out is not None:
            inputs = {"values": self.values, "idx": ids}
            _check.output("out", out, shape, np.dtype(np.float32), inputs)
        rows = gather_reduced_if_fit(_check.plain(self.values), self.scales, flat)
        if out is None:
            return np.asarray(rows).reshape(shape)
        out[...] = np.asarray(rows).reshape(shape)
        return out


def quantize(W: Array, dtype: str) -> QuantizedTable:
    """Store a table in fewer bits a number.

    Parameters
    ----------
    W : (V, D) ndarray of float32 or float64
        It may be mapped from a file: it is read once, in blocks.
    dtype : str
        'float16' or 'bfloat16', each number rounded to the nearest, or 'int8', with a scale for
        each row, whose largest number is 127.

    Raises
    ------
    ValueError
        If a number is not finite, or beyond what float16 can hold.
    """
    if not isinstance(dtype, str) or dtype not in STORED:
        raise ValueError(f"dtype must be {', '.join(STORED)}, got {dtype!r}")
    W = _check.floats("W", W, 2)
    values = np.empty(W.shape, STORED[dtype])
    scales = np.empty(len(W), np.float32) if dtype == "int8" else None
    step = max(1, BLOCK // max(1, W.shape[1]))
    for first in range(0, len(W), step):
        rows = np.s_[first : first + step]
        with np.errstate(over="ignore"):
            block = W[rows].astype(np.float32)
        largest = np.abs(block).max(axis=1, initial=0)
        if not (largest <= LARGEST[dtype]).all():
            k = int(np.argmin(largest <= LARGEST[dtype]))
            bound = f"{LARGEST[dtype]:.6g}"
            raise ValueError(f"W[{first + k}] must hold numbers up to {bound}, got {largest[k]:g}")
        if dtype == "bfloat16":
            values[rows] = _bfloat16(block)
        elif scales is None:
            values[rows] = block
        else:
            steps = largest / 127
            steps[steps < np.finfo(np.float32).tiny] = 0  # subnormal: the row becomes zeros
            scales[rows] = steps
            values[rows] = np.rint(block / np.where(steps > 0, steps, np.inf)[:, np.newaxis])
    return QuantizedTable(values, scales)


def _bfloat16(block: Array) -> Array:
    """The upper halves of float32, rounded to the nearest, to even ones if there are two."""
    bits = block.view(np.uint32)
    rounded: Array = (bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16
    return rounded
