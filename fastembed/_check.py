"""Checks of arguments, and every error message: they name the argument, its value and the bound."""

import operator
from numbers import Real
from typing import Any

import numpy as np

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def no_mask(**arrays: Any) -> None:
    """Refuse masked arrays by name: a kernel would compute with what the mask hides."""
    for name, array in arrays.items():
        if np.ma.is_masked(array):
            raise TypeError(f"{name} must be an array without a mask, got masked entries")


def as_array(name: str, value: Any) -> Any:
    """What NumPy makes of value; an error names it."""
    no_mask(**{name: value})
    try:
        return np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} must be an array: {error}") from None


def axes(count: int) -> str:
    """Their number in words."""
    return f"{count} {'axis' if count == 1 else 'axes'}"


def own(name: str, array: Any) -> Any:
    """Refuse what cannot be written in place."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a numpy.ndarray, got {type(array).__name__}")
    no_mask(**{name: array})
    return array


def floats(name: str, array: Any, ndim: int | None = None, dtype: Any = None) -> Any:
    """Return array as an ndarray of float32 or float64; refuse another dtype or number of axes."""
    array = as_array(name, array)
    if array.dtype not in FLOATS:
        if array.dtype.newbyteorder("=") not in FLOATS:
            raise TypeError(f"{name} must be float32 or float64, got {array.dtype}")
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is not None and array.dtype != dtype:
        raise TypeError(
            f"{name} must be {np.dtype(dtype)} like the other arrays, got {array.dtype}"
        )
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {axes(ndim)}, got shape {array.shape}")
    return array


def number(name: str, value: Any) -> float:
    """Return a real number (NumPy's and arrays of no axes are some) as a float; refuse the rest."""
    if isinstance(value, float):  # at once: the question below takes longer than a small op
        return float(value)
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "fiu":
        value = value.item()
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    return float(value)


def integer(name: str, value: Any) -> int:
    """Return an integer, Python's or NumPy's, as an int; refuse the rest."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None


def row(name: str, value: Any, count: int) -> int:
    """Return the number of one of count rows from 0 on; negative ones count from the end."""
    value = integer(name, value)
    if not -count <= value < count:
        raise ValueError(f"{name} must be in [{-count}, {count}), got {value}")
    return value % count


def several(name: str, arrays: Any) -> list[Any]:
    """Return arrays that come together as a list."""
    try:
        return list(arrays)
    except TypeError:
        raise TypeError(f"{name} must be arrays, got {arrays!r:.80}") from None


def shape(name: str, array: Any, expected: Any, meaning: str = "") -> None:
    """Refuse an array whose shape is not the expected one."""
    if array.shape != tuple(expected):
        meaning = f" {meaning}" if meaning else ""
        raise ValueError(f"{name} must have shape {tuple(expected)}{meaning}, got {array.shape}")


def integers(name: str, array: Any) -> Any:
    """Return array as an ndarray of any integer dtype; refuse floats, booleans and the rest."""
    given = array
    array = as_array(name, array)
    if array.size == 0 and not isinstance(given, np.ndarray):
        array = array.astype(np.intp)  # NumPy makes an empty list float64
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be an integer array, got {array.dtype}")
    return array


def indices(name: str, array: Any, bound: int, of: str, unit: str = "rows") -> Any:
    """Return ids in [-bound, bound) as a flat, contiguous intp array with 0 <= id < bound.

    The original is kept; negative ids count from the end, as in NumPy. In the message, of is what
    has bound units: ``W with 10000 rows``.
    """
    array = integers(name, array)
    flat = array.reshape(-1)
    if flat.dtype == np.intp:  # one pass: as unsigned numbers, negative ids are too large as well
        if not flat.size or np.maximum.reduce(flat.view(np.uintp)) < bound:
            return np.require(flat, np.intp, "CA")
    if flat.size:
        low, high = int(flat.min()), int(flat.max())
        if low < -bound or high >= bound:
            position = int(np.flatnonzero((flat < -bound) | (flat >= bound))[0])
            where = ", ".join(str(k) for k in np.unravel_index(position, array.shape))
            place = f"{name}[{where}]" if where else name
            raise IndexError(
                f"{place} = {flat[position]} is out of bounds for {of} with {bound} {unit}"
            )
        if low < 0:
            flat = flat.astype(np.intp)  # a copy: the caller's ids stay as they are
            flat[flat < 0] += bound
    return np.require(flat, np.intp, "CA")


def output(name: str, array: Any, expected: Any, dtype: Any, inputs: dict[str, Any]) -> Any:
    """Check an array that will be written: ndarray, shape, dtype, writable, apart from inputs.

    Its byte order is free. Entries must not share memory either; axes that interlace count as if
    they did. The inputs are a dict of names and arrays.
    """
    own(name, array)
    if array.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"{name} must be {np.dtype(dtype)}, got {array.dtype}")
    shape(name, array, expected)
    if not array.flags.writeable:
        raise ValueError(f"{name} must be writable, got a read-only array")
    if array.size:
        extent = array.itemsize
        for step, length in sorted(zip(map(abs, array.strides), array.shape, strict=True)):
            if length > 1 and step < extent:
                raise ValueError(
                    f"{name} must not overlap itself in memory, got strides {array.strides}"
                )
            extent += step * (length - 1)
    for other, value in inputs.items():
        if np.may_share_memory(array, value) and np.shares_memory(array, value):
            raise ValueError(f"{name} must not overlap {other} in memory")
    return array


def plain(array: Any) -> Any:
    """The array as kernels take it (C order, aligned, native, no subclass), copied if need be."""
    array = np.asarray(array)
    dtype = array.dtype if array.dtype.isnative else array.dtype.newbyteorder("=")
    return np.require(array, dtype, "CA")  # an equal dtype that is another object makes a view
