"""Embedding lookup and its gradient."""

import numpy as np

from fastembed import _check

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.string cimport memset

from fastembed.ops._costs cimport (
    NS_A_BYTE_ADDED, NS_A_BYTE_COPIED, NS_A_BYTE_ZEROED, NS_A_ROW,
)
from fastembed.ops._fit cimport (
    apart, as_matrix, as_vector, axis, empty_rows, entry, in_range, matrix, plain_ids, read_ids,
    size, vector, writable,
)
from fastembed.ops._signature cimport Signature, ref
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share, share_gil, slice_function

cnp.import_array()

cdef enum:
    GROUP = 1 << 17  # bytes of rows that a core's cache holds beside what is added to them

cdef slice_function[2] gather_entry
cdef slice_function[2] scatter_entry
cdef slice_function[2] group_entry
cdef slice_function[2] groups_entry

ctypedef struct gather_args:
    matrix W
    vector idx
    matrix out
    int64_t fine


cdef Signature GATHER = Signature("""
    W (V, D): One row per id.
    idx (...) ids<V
    + out (..., D)
""")
cdef Signature SCATTER = Signature("""
    dW (V, D)
    idx (...) ids<V
    dout (..., D): One gradient per id.
    zero: bool; Set dW to zero first.
    > dW (V, D): Changed in place.
""")


@GATHER.documents
def gather(W, idx, *, out=None):
    """Look up rows of W: ``out[..., :] = W[idx[...], :]``."""
    rows = gather_if_fit(W, idx, out)
    return _gather_any(W, idx, out) if rows is None else rows


@SCATTER.documents
def scatter_add(dW, idx, dout, *, zero=False):
    """Add gradients to the rows they came from: ``dW[idx[...], :] += dout[..., :]``.

    Duplicate ids are summed, in the order of idx, with the same bits at any thread count.
    """
    if not scatter_add_if_fit(dW, idx, dout, zero):
        _scatter_add_any(dW, idx, dout, zero)
    return dW


# ---- doors


cpdef gather_if_fit(W, idx, out=None):
    """`gather`, or None if an argument does not fit as it is."""
    cdef int real = GATHER.fits([<ref>W, <ref>idx, <ref>out]), ndim
    cdef gather_args args
    cdef double ns
    if real < 0:
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>idx)
    if ndim >= 32:
        return None
    flat = plain_ids(idx)
    args.idx = as_vector(flat)
    if out is None:
        out = empty_rows(idx, ndim, axis(W, 1), real)
    elif not in_range(args.idx, axis(W, 0)):
        return None
    args.W, args.out = as_matrix(W), as_matrix(out)
    args.fine = True
    ns = args.idx.size * (
        NS_A_ROW + NS_A_BYTE_COPIED * args.W.columns * cnp.PyArray_ITEMSIZE(<cnp.ndarray>W)
    )
    kernel = entry(gather_entry, "embedding.gather", real)
    share_gil(kernel, &args, args.idx.size, 1, ns)
    return out if args.fine else None


cpdef bint scatter_add_if_fit(dW, idx, dout, bint zero) except -1:
    """`scatter_add`; False, and nothing is done, if an argument does not fit as it is."""
    cdef int real = SCATTER.fits([<ref>dW, <ref>idx, <ref>dout])
    cdef scatter_args args
    cdef Memory ids
    if real < 0 or not (writable(dW) and apart(dW, dout) and apart(dW, idx)):
        return False
    ids = take(size(idx) * sizeof(int64_t))
    if not read_ids(idx, axis(dW, 0), <int64_t *>ids.start):
        return False
    args.dW, args.dout = as_matrix(dW), as_matrix(dout)
    args.idx.data, args.idx.size = ids.start, size(idx)
    args.zero = zero
    _scatter(&args, real)
    return True


cdef int _scatter(scatter_args *args, int real) except -1:
    """Add to all rows at once, or to groups of them."""
    cdef int64_t n = args.idx.size, row_bytes = args.dW.columns * (8 if real else 4)
    cdef int64_t nbytes = args.dW.rows * row_bytes
    cdef double ns = n * (NS_A_ROW + NS_A_BYTE_ADDED * row_bytes)
    cdef slice_function add
    if nbytes == 0:
        return 0  # rows without numbers
    if (nbytes if args.zero else min(nbytes, n * row_bytes)) <= GROUPED:
        if args.zero:
            memset(args.dW.data, 0, nbytes)
        add = entry(scatter_entry, "embedding.scatter_add", real)
        return share_gil(add, args, n, n, ns)  # one slice
    if args.zero:
        ns += nbytes * NS_A_BYTE_ZEROED
    add = entry(groups_entry, "embedding.scatter_add_groups", real)
    return in_groups(args, add, row_bytes, ns)


cdef int in_groups(scatter_args *args, slice_function add, int64_t row_bytes, double ns) except -1:
    """Each thread owns groups of neighbouring rows: zeroes one and adds to it while it is cached.

    No atomics, and each row is added to in the order of idx: the same bits at any thread count.
    """
    cdef int64_t n = args.idx.size, groups
    cdef slice_function sort = entry(group_entry, "embedding.group", 1)
    cdef Memory memory
    args.shift = 0
    while (<int64_t>2 << args.shift) <= max(1, min(GROUP // row_bytes, args.dW.rows // 32)):
        args.shift += 1
    groups = ((args.dW.rows - 1) >> args.shift) + 1
    memory = take((n + groups + 1) * sizeof(int64_t))
    args.order.data, args.order.size = memory.start, n
    args.starts.data, args.starts.size = memory.start + n * sizeof(int64_t), groups + 1
    with nogil:
        sort(args, 0, n, 0)
        share(add, args, groups, 1, ns)
    return 0


# ---- arguments that do not fit as they are


def _gather_any(W, idx, out):
    W = _check.floats("W", W, ndim=2)
    ids = _check.integers("idx", idx)
    V, D = W.shape
    flat = _check.indices("idx", ids, V, "W")
    shape = ids.shape + (D,)
    if out is not None:
        _check.output("out", out, shape, W.dtype, {"W": W, "idx": ids})
    rows = gather_if_fit(W, flat)
    if rows is None:  # a W that is a view in another order: no copy of all of it for some rows
        rows = np.take(W, flat, axis=0) if V else np.empty((0, D), W.dtype)
    if out is None:
        return np.asarray(rows).reshape(shape)
    out[...] = rows.reshape(shape)
    return out


def _scatter_add_any(dW, idx, dout, zero):
    ids = _check.integers("idx", idx)
    given = _check.floats("dW", _check.own("dW", dW), ndim=2)
    V, D = given.shape
    flat = _check.indices("idx", ids, V, "dW")
    dout = _check.floats("dout", dout, dtype=given.dtype)
    _check.shape("dout", dout, ids.shape + (D,), "(idx.shape + (D,))")
    _check.output("dW", dW, (V, D), given.dtype, {"idx": ids, "dout": dout})
    rows = _check.plain(dout.reshape(flat.size, D))
    if scatter_add_if_fit(dW, flat, rows, zero):
        return
    if zero:
        dW[...] = 0
    used, places = np.unique(flat, return_inverse=True)  # a dW in another order: its used rows
    sums = _check.plain(dW[used])
    scatter_add_if_fit(sums, places.reshape(-1), rows, False)
    dW[used] = sums
