"""What a gradient is: training and layers ask here, and nowhere else.

A gradient is an array of its parameter's shape, or an object with the methods of `Gradient`: then
nothing else has to know its class.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from fastembed import ops
from fastembed._arrays import FLOATS, cast
from fastembed._check import no_mask
from fastembed._inputs import Array
from fastembed.ops.embedding import scatter_add_if_fit
from fastembed.ops.optim import add_if_fit, clip_if_fit


class Gradient(Protocol):
    """A gradient that is not an array: of some rows, say."""

    @property
    def T(self) -> Any:
        """That of the transposed parameter."""

    def fill_rows(self, ids: Any, rows: Array) -> None:
        """Become the sum of rows by id, and zero elsewhere."""

    def add(self, others: list[Any]) -> None:
        """Add gradients of the same weight, in place."""

    def squares(self) -> float:
        """The sum of squares."""

    def scale(self, rate: float) -> None:
        """Multiply by rate, in place."""

    def step(self, formula: Callable[..., Any], param: Array, states: Sequence[Array]) -> None:
        """Call ``formula(param, grad, *states)``, which writes to arrays, on what it changes."""


def is_array(grad: Any) -> bool:
    """Whether a gradient is an array; else it has the methods of `Gradient`."""
    return isinstance(grad, np.ndarray)


def step(op: Any, param: Array, grad: Any, *states: Array, numbers: tuple[float, ...]) -> None:
    """Step a parameter by an optimizer's op, written for arrays, which takes numbers too."""
    if is_array(grad):
        no_mask(grad=grad)
        op(param, grad, *states, *numbers)
    else:
        grad.step(lambda *arrays: op(*arrays, *numbers), param, states)


def add(total: Any, others: list[Any]) -> None:
    """Add the gradients of the same weight to the first, in place."""
    if add_if_fit(total, others):
        return
    if not is_array(total):
        total.add(others)
        return
    for other in others:
        total += other


def clip(grads: list[Any], max_norm: float) -> None:
    """Scale gradients in place so that their common Euclidean norm is at most max_norm."""
    if clip_if_fit(grads, max_norm):
        return
    no_mask(**{f"grads[{k}]": grad for k, grad in enumerate(grads)})
    squares = (np.sum(grad**2) if is_array(grad) else grad.squares() for grad in grads)
    rate = max_norm / (np.sqrt(sum(squares)) + 1e-6)
    if rate < 1:
        for grad in grads:
            if is_array(grad):
                grad *= rate
            else:
                grad.scale(rate)


def fill_rows(dW: Any, idx: Any, dout: Array) -> None:
    """Overwrite dW with the gradient of an embedding's weight: dout's rows, summed for each id."""
    if scatter_add_if_fit(dW, idx, dout, True):
        return
    if not is_array(dW):
        dW.fill_rows(idx, dout)
        return
    no_mask(dout=dout)
    ids = op_ids(dW, idx)
    if ids is None:
        dW[...] = 0
        np.add.at(dW, idx, dout)
        return
    expected = ids.shape + dW.shape[1:]
    ops.scatter_add(dW, ids, cast(np.broadcast_to(dout, expected), dW.dtype), zero=True)


def op_ids(W: Array, idx: Any) -> Array | None:
    """Idx as an integer array if the ops can look it up in W, else None: NumPy indexing decides."""
    if not (type(W) is np.ndarray and W.ndim == 2 and W.dtype.type in FLOATS):
        return None
    no_mask(idx=idx)
    if type(idx) is not np.ndarray:
        if not isinstance(idx, list | int | np.integer) or isinstance(idx, bool):
            return None  # a tuple, a slice or None means something else to NumPy
        try:
            idx = np.asarray(idx)
        except ValueError:  # ragged
            return None
    return idx if idx.dtype.kind in "iu" else None
