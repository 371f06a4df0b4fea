"""Row-sparse gradients: of the rows of a table that were looked up, and of no others."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastembed._arrays import cast
from fastembed._check import integer, integers
from fastembed._gradients import row_sums
from fastembed._inputs import Array
from fastembed.ops.optim import step_rows_if_fit
from fastembed.reference import ops as formulas

__all__ = ["RowSparse"]


class RowSparse:
    """A gradient of some rows of a table; the others have none.

    What ``Embedding(W, sparse=True)`` has in its ``grads``: the same object for the layer's life,
    whose rows and values are new after each backward.

    Parameters
    ----------
    rows : (U,) array_like of int
        In [-V, V). Rows that occur more than once are added up.
    values : (U, D) ndarray
        A gradient for each.
    shape : (V, D)
        That of the table.

    Attributes
    ----------
    rows : (U,) ndarray of int64
        Ascending, each once, from 0 on.
    values : (U, D) ndarray

    Raises
    ------
    IndexError
        If a row is out of bounds.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """

    rows: Array
    values: Array

    def __init__(self, rows: Any, values: Array, shape: Sequence[int]) -> None:
        if np.shape(shape) != (2,):
            raise ValueError(f"shape must be (V, D), got {shape!r}")
        self.shape = V, D = integer("shape", shape[0]), integer("shape", shape[1])
        rows, values = integers("rows", rows), np.asarray(values)
        if rows.ndim != 1 or values.shape != (len(rows), D):
            raise ValueError(
                f"rows and values must have shapes (U,) and (U, {D}), "
                f"got {rows.shape} and {values.shape}"
            )
        if values.dtype.kind != "f":
            raise TypeError(f"values must be floating point, got {values.dtype}")
        self.rows, self.values = row_sums(rows, values, (V, D), values.dtype)

    @classmethod
    def like(cls, W: Array) -> "RowSparse":
        """A gradient of W (V, D) without rows."""
        if W.ndim != 2:
            raise ValueError(f"W must have 2 axes, got shape {W.shape}")
        return cls(np.empty(0, np.int64), np.empty((0, W.shape[1]), W.dtype), W.shape)

    def __repr__(self) -> str:
        V, D = self.shape
        return f"RowSparse({len(self.rows)} of {V} rows of {D}, {self.values.dtype})"

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the values."""
        return self.values.dtype

    def to_dense(self) -> Array:
        """An array (V, D), zero in the other rows."""
        dense = np.zeros(self.shape, self.dtype)
        dense[self.rows] = self.values
        return dense

    def to_scipy(self) -> Any:
        """A ``scipy.sparse.csr_array`` (needs SciPy)."""
        try:
            from scipy.sparse import csr_array
        except ImportError as error:
            raise ImportError("to_scipy() needs SciPy: pip install scipy") from error
        (V, D), U = self.shape, len(self.rows)
        ends = np.zeros(V + 1, np.int64)
        ends[self.rows + 1] = D
        columns = np.tile(np.arange(D), U)
        return csr_array((self.values.reshape(-1), columns, np.cumsum(ends)), shape=self.shape)

    # ---- what training asks of a gradient

    @property
    def T(self) -> "_Transposed":
        """That of the transposed table, to be added to another gradient."""
        return _Transposed(self)

    def fill_rows(
        self, ids: Any, rows: Array, padding_idx: int | None = None, mean: bool = False
    ) -> None:
        """Become the sum, or the mean, of rows by id, without those of padding_idx."""
        self.become(*row_sums(ids, rows, self.shape, self.dtype, padding_idx, mean))

    def become(self, rows: Array, values: Array) -> None:
        """Have these rows, which ascend, and values (U, D) instead."""
        self.rows, self.values = rows, cast(values, self.dtype)

    def with_values(self, values: Array) -> "RowSparse":
        """A gradient of the same rows with values (U, D) of their dtype."""
        other = type(self).__new__(type(self))
        other.shape, other.rows, other.values = self.shape, self.rows, cast(values, self.dtype)
        return other

    def add(self, others: list[Any]) -> Any:
        """Add gradients of the same table that are not arrays, in place; returns the sum."""
        if not all(isinstance(other, RowSparse) for other in others):
            dense = self.to_dense()
            for other in others:
                other.add_to(dense)
            return dense
        parts = [self, *others]
        values = np.concatenate([part.values for part in parts])
        RowSparse.fill_rows(self, np.concatenate([part.rows for part in parts]), values)
        return self

    def add_to(self, total: Array) -> None:
        """Add to an array, in place."""
        total[self.rows] += self.values

    def step(
        self, op: str, param: Array, states: Sequence[Array], numbers: tuple[Any, ...]
    ) -> None:
        """Step the rows of param and states by an optimizer's op of that name."""
        if not len(self.rows):  # a frozen table may be read-only
            return
        wholes = [np.asarray(array) for array in (param, *states)]  # of a memory map: its memory
        arrays = wholes[0], self.values, *wholes[1:]
        if step_rows_if_fit(op, arrays, self.rows, numbers):
            return
        rows = [whole[self.rows] for whole in wholes]
        getattr(formulas, op)(rows[0], self.values, *rows[1:], *numbers)
        for whole, part in zip(wholes, rows, strict=True):
            whole[self.rows] = part


class Frozen(RowSparse):
    """The gradient of a table that is not trained: backward leaves it without rows."""

    def fill_rows(self, ids: Any, rows: Array, *how: Any) -> None:
        pass


class _Transposed:
    """Where a table and its transpose share memory: what is added to the gradient of the other."""

    def __init__(self, grad: RowSparse) -> None:
        self.T = grad

    def add_to(self, total: Array) -> None:
        self.T.add_to(total.T)
