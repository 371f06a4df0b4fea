"""Embedding lookup and its gradient."""

import numpy as np

from fastembed import _check, threads
from fastembed.kernels import embedding as kernels
from fastembed.ops import _fill

# bytes of a slice; a smaller one gains less than handing it to another thread costs
GATHER_GRAIN = 1 << 19
SCATTER_GRAIN = 1 << 22
# bytes of rows that a core's cache holds beside what is added to them
GROUP = 1 << 17
# a dW of fewer bytes stays in the cache of one core, which then is as quick as two
CACHE = 1 << 21
# adding to a row costs as much as writing that many bytes more than the row's
ID_COST = 256


def gather(W, idx, *, out=None):
    """Look up rows of W: ``out[..., :] = W[idx[...], :]``.

    Parameters
    ----------
    W : (V, D) ndarray of float32 or float64
        One row per id.
    idx : array_like of integers, any shape
        Ids in [-V, V); negative ids count from the end.
    out : ndarray, optional
        Result to fill, of shape ``idx.shape + (D,)`` and W's dtype. Must not overlap W or idx.

    Returns
    -------
    ndarray of W's dtype, shape ``idx.shape + (D,)``
        ``out``, or a new array.

    Raises
    ------
    IndexError
        If an id is outside [-V, V); nothing has been written then.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    W = _check.floats("W", W, ndim=2)
    ids = _check.integers("idx", idx)
    V, D = W.shape
    flat = _check.indices("idx", ids, V, "W")
    if out is None:
        out = np.empty(ids.shape + (D,), W.dtype)
    else:
        _check.output("out", out, ids.shape + (D,), W.dtype, {"W": W, "idx": ids})
    # rows of out, or of a copy where its layout has no such view
    rows = out.reshape(flat.size, D)
    W, flat = _check.readonly(W), _check.readonly(flat)
    threads.share(
        flat.size,
        lambda lo, hi: kernels.gather(W, flat, rows, lo, hi),
        grain=GATHER_GRAIN // max(1, D * W.itemsize),
    )
    if not np.may_share_memory(rows, out):
        out[...] = rows.reshape(out.shape)
    return out


def scatter_add(dW, idx, dout, *, zero=False):
    """Add gradients to the rows they came from: ``dW[idx[...], :] += dout[..., :]``.

    Duplicate ids are summed, in the order of idx, with the same bits at any thread count.

    Parameters
    ----------
    dW : (V, D) ndarray of float32 or float64
        Changed in place. Must not overlap idx or dout.
    idx : array_like of integers, any shape
        Ids in [-V, V); negative ids count from the end.
    dout : ndarray of dW's dtype, shape ``idx.shape + (D,)``
        One gradient per id.
    zero : bool
        Set dW to zero first.

    Returns
    -------
    dW : ndarray

    Raises
    ------
    IndexError
        If an id is outside [-V, V); nothing has been written then.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    ids = _check.integers("idx", idx)
    dW_in = _check.floats("dW", dW, ndim=2)
    V, D = dW_in.shape
    flat = _check.indices("idx", ids, V, "dW")
    dout = _check.floats("dout", dout, dtype=dW_in.dtype)
    _check.shape("dout", dout, ids.shape + (D,), "(idx.shape + (D,))")
    _check.output("dW", dW, (V, D), dW_in.dtype, {"idx": ids, "dout": dout})
    rows, flat = _check.readonly(dout.reshape(flat.size, D)), _check.readonly(flat)
    work = (dW.nbytes if zero else 0) + 2 * rows.nbytes
    parts = max(1, min(threads.get_num_threads(), work // SCATTER_GRAIN))
    grouped = dW.nbytes > CACHE and (zero or parts > 1)
    if not (grouped and _add_by_groups(dW, flat, rows, zero, parts)):
        if zero:
            _fill.zero(dW)
        kernels.scatter_add(flat, rows, dW, 0, D)
    return dW


def _add_by_groups(dW, idx, rows, zero, parts):
    """Each thread owns groups of neighbouring rows: zeroes one and adds to it while it is in cache.

    No atomics, and each row is added to in the order of idx: the same bits at any thread count.

    Returns
    -------
    bool
        False, and nothing is done, where one group would keep a thread busy longer than its share.
    """
    V, D = dW.shape
    row_bytes = max(1, D * dW.itemsize)
    shift = max(1, min(GROUP // row_bytes, V // (16 * parts))).bit_length() - 1
    groups = (V - 1 >> shift) + 1
    order, starts = np.empty(idx.size, np.intp), np.empty(groups + 1, np.intp)
    cuts = np.empty(parts + 1, np.intp)
    group_cost = row_bytes << shift if zero else 0
    if not kernels.group(idx, shift, row_bytes + ID_COST, group_cost, order, starts, cuts):
        return False
    threads.share(
        parts,
        lambda lo, hi: kernels.scatter_add_groups(
            idx, rows, dW, zero, shift, order, starts, cuts, lo, hi
        ),
    )
    return True
