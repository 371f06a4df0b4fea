"""What a gradient is: training and layers ask here, and nowhere else.

A gradient is an array of its parameter's shape, or has what training asks of a
`fastembed.sparse.RowSparse`: nothing else has to know its class.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastembed import ops
from fastembed._arrays import FLOAT32, FLOATS, cast
from fastembed._check import no_mask, own, shape
from fastembed._inputs import Array
from fastembed.ops.embedding import scatter_add_if_fit
from fastembed.ops.optim import add_if_fit, clip_if_fit, step_all_if_fit, zero_all
from fastembed.ops.sparse import coalesce_if_fit, groups_if_fit
from fastembed.reference import ops as formulas


def is_array(grad: Any) -> bool:
    """Whether a gradient is an array; else it has the methods of a `RowSparse`."""
    return isinstance(grad, np.ndarray)


def check(
    params: list[Array],
    grads: list[Any],
    states: dict[str, list[Array]],
    refuse: Callable[[Any], None],
    axes: int | None = None,
) -> None:
    """Refuse what cannot be stepped, before anything is changed; refuse is asked of every gradient.

    States, by name, are as many arrays as params, of their shapes or of so many of their axes.
    """
    for name, arrays in {"grads": grads, **states}.items():
        if len(arrays) != len(params):
            raise ValueError(
                f"{name} must be as many arrays as params, {len(params)}, got {len(arrays)}"
            )
    for k, (param, grad, *state) in enumerate(zip(params, grads, *states.values(), strict=True)):
        own(f"params[{k}]", param)
        if not (is_array(grad) or hasattr(grad, "step")):
            own(f"grads[{k}]", grad)
        refuse(grad)
        shape(f"grads[{k}]", grad, param.shape, f"as params[{k}]")
        values = grad if is_array(grad) else grad.values
        no_mask(**{f"grads[{k}]": values})
        for name, array in zip(states, state, strict=True):
            shape(f"{name}[{k}]", array, param.shape[:axes], f"as params[{k}]")
        if param.dtype.kind not in "fc" or not np.can_cast(values.dtype, param.dtype, "same_kind"):
            raise TypeError(
                f"params[{k}] and grads[{k}] must be floating point, "
                f"got {param.dtype} and {values.dtype}"
            )
        if not param.flags.writeable and (values is grad or len(values)):
            raise ValueError(f"params[{k}] must be writable, got a read-only array")


def step(op: str, lists: tuple[Sequence[Any], ...], numbers: tuple[Any, ...]) -> None:
    """Step every param of the lists (params, grads, states), by the op of that name, by itself."""
    for param, grad, *state in zip(*lists, strict=True):
        if step_all_if_fit(op, tuple([[array] for array in (param, grad, *state)]), numbers):
            continue
        if is_array(grad):
            getattr(formulas, op)(param, grad, *state, *numbers)
        else:
            grad.step(op, param, state, numbers)


def add(total: Any, others: list[Any]) -> Any:
    """The sum of the gradients of one weight, in place: in the first array, if there is one."""
    if add_if_fit(total, others):
        return total
    parts = [total, *others]
    first = next((k for k, part in enumerate(parts) if is_array(part)), None)
    if first is None:
        return total.add(others)
    total = parts.pop(first)
    for part in parts:
        if is_array(part):
            total += part
        else:
            part.add_to(total)
    return total


def clip(grads: list[Any], max_norm: float) -> None:
    """Scale gradients in place so that their common Euclidean norm is at most max_norm."""
    if clip_if_fit(grads, max_norm):
        return
    arrays = [grad if is_array(grad) else getattr(grad, "values", grad) for grad in grads]
    for k, array in enumerate(arrays):
        own(f"grads[{k}]", array)
    if clip_if_fit(arrays, max_norm):
        return
    squares = [np.sum(np.square(array, dtype=np.float64)) for array in arrays]
    rate = max_norm / (np.sqrt(sum(squares)) + 1e-6)
    if rate < 1:
        for k, array in enumerate(arrays):  # before any is scaled
            if array.dtype.kind != "f" or not array.flags.writeable:
                kind = f"{'' if array.flags.writeable else 'read-only '}{array.dtype}"
                raise ValueError(f"grads[{k}] must be writable and floating point, got {kind}")
        for array in arrays:
            array *= rate


def fill_rows(
    dW: Any, idx: Any, dout: Array, padding_idx: int | None = None, mean: bool = False
) -> None:
    """Overwrite dW with the gradient of an embedding's weight: dout's rows, summed for each id.

    Those of padding_idx (from 0 on) count for nothing; mean divides each sum by how many it is of.
    """
    plain = padding_idx is None and not mean
    if plain and scatter_add_if_fit(dW, idx, dout, True):
        return
    if not is_array(dW):
        dW.fill_rows(idx, dout, padding_idx, mean)
        return
    if not plain:
        rows, values = row_sums(idx, dout, dW.shape, dW.dtype, padding_idx, mean)
        zero_all([dW])
        dW[rows] = values
        return
    no_mask(dout=dout)
    ids = op_ids(dW, idx)
    if ids is None:
        total = np.zeros_like(dW)  # dW stays as it is if dout does not fit
        np.add.at(total, idx, dout)
        dW[...] = total
        return
    dout = _spread(dout, ids.shape + dW.shape[1:])
    ops.scatter_add(dW, ids, cast(dout, dW.dtype), zero=True)


def row_sums(
    idx: Any,
    dout: Array,
    shape: Sequence[int],
    dtype: np.dtype[Any],
    padding_idx: int | None = None,
    mean: bool = False,
) -> tuple[Array, Array]:
    """`ops.coalesce` for dout of any dtype and of any shape that broadcasts; its sums in dtype."""
    (V, D), dout = shape, np.asanyarray(dout)
    skip = -1 if padding_idx is None else padding_idx
    if dout.dtype == dtype and dout.shape[-1:] == (D,):
        found = coalesce_if_fit(idx, dout, V, skip, mean)
        if found is not None:
            return found
    no_mask(dout=dout)
    ids, real = np.asarray(idx), dtype if dtype.type in FLOATS else FLOAT32
    dout = cast(_spread(dout, (*ids.shape, D)), real)
    rows, values = ops.coalesce(idx, dout, V, padding_idx=padding_idx, mean=mean)
    return rows, cast(values, dtype)


def _spread(dout: Array, shape: tuple[int, ...]) -> Array:
    try:
        return np.broadcast_to(dout, shape)
    except ValueError:
        raise ValueError(f"dout must have shape {shape}, got {np.shape(dout)}") from None


def fill_products(dW: Any, dscores: Array, h: Array, W: Array, words: Array) -> Array:
    """Overwrite dW with the gradient of W in negative sampling; returns that of h."""
    if is_array(dW):
        place = dW if dW.dtype == h.dtype else np.empty_like(W)
        dh = ops.negative_sampling_backward(dscores, h, W, words, place)
        if place is not dW:
            dW[...] = place
        return dh
    groups = groups_if_fit(words, len(W))  # the same with a table of the rows that are needed
    rows = ops.gather(W, groups.rows)
    values = np.empty_like(rows)
    places = groups.places().reshape(words.shape)
    dh = ops.negative_sampling_backward(dscores, h, rows, places, values)
    dW.become(groups.rows, values)
    return dh


def fill_bags(
    dW: Any, dout: Array, W: Array, idx: Any, offsets: Any, argmax: Any, mean: bool, options: Any
) -> Array | None:
    """Overwrite dW with the gradient of W in bags; returns that of their weights, if there are any.

    mean divides the gradient of each row by how often its id occurs.
    """
    if is_array(dW):
        back = ops.embedding_bag_backward(dout, W, idx, offsets, argmax=argmax, out=dW, **options)
        if mean:
            rows, counts = np.unique(np.asarray(idx, np.int64) % len(W), return_counts=True)
            dW[rows] /= counts[:, np.newaxis]
    else:  # the same with a table of the rows that are needed
        ids = np.require(idx, np.int64, "CA")
        groups = groups_if_fit(ids, len(W))
        rows, places = groups.rows, groups.places().reshape(ids.shape)
        if not rows.size:  # no ids in any bag
            dW.fill_rows(rows, np.empty((0, W.shape[1]), W.dtype))
            weights = options["per_sample_weights"]
            return None if weights is None else np.zeros_like(weights)
        padding = np.flatnonzero(rows == options["padding_idx"])
        options = options | {"padding_idx": padding[0] if padding.size else None}
        if argmax is not None:
            options["argmax"] = np.searchsorted(rows, argmax)
        table = ops.gather(W, rows)
        values = np.empty_like(table)
        back = ops.embedding_bag_backward(dout, table, places, offsets, out=values, **options)
        if mean:
            values /= np.bincount(places.reshape(-1), minlength=len(rows))[:, np.newaxis]
        if padding.size:
            rows, values = np.delete(rows, padding), np.delete(values, padding, axis=0)
        dW.fill_rows(rows, values)
    return back[1] if isinstance(back, tuple) else None


def op_ids(W: Array, idx: Any) -> Array | None:
    """Idx as an integer array if the ops can look it up in W, else None: NumPy indexing decides."""
    no_mask(idx=idx)
    if not (type(W) is np.ndarray and W.ndim == 2 and W.dtype.type in FLOATS):
        return None
    if type(idx) is not np.ndarray:
        if not isinstance(idx, list | int | np.integer) or isinstance(idx, bool):
            return None  # a tuple, a slice or None means something else to NumPy
        try:
            idx = np.asarray(idx)
        except ValueError:  # ragged
            return None
    return idx if idx.dtype.kind in "iu" else None
