"""Rows of tables with fewer bits a number: the door of `fastembed.tables.QuantizedTable`."""

cimport numpy as cnp
from libc.stdint cimport int64_t

from fastembed.ops._costs cimport NS_A_BYTE_COPIED, NS_A_ROW
from fastembed.ops._fit cimport (
    apart, are_ids, as_matrix, as_vector, axis, empty_rows, entry, in_range, is_plain, matrix,
    plain_ids, real_of, same_shape, vector, writable,
)
from fastembed.runtime.pool cimport share_gil, slice_function

cnp.import_array()

cdef slice_function[2] float16_entry
cdef slice_function[2] bfloat16_entry
cdef slice_function[2] int8_entry

ctypedef struct gather_args:
    matrix W
    vector scales, idx
    matrix out
    int64_t fine


cpdef gather_reduced_if_fit(W, scales, idx, out=None):
    """Rows as float32 of a plain W of float16, uint16 (bfloat16's bits) or int8, times their scales.

    None if an argument does not fit as it is, or an id is out of bounds: nothing is written then.
    """
    cdef gather_args args
    cdef int ndim, kind
    cdef slice_function run
    if not is_plain(W) or cnp.PyArray_NDIM(<cnp.ndarray>W) != 2 or not are_ids(idx):
        return None
    ndim, kind = cnp.PyArray_NDIM(<cnp.ndarray>idx), cnp.PyArray_TYPE(<cnp.ndarray>W)
    if ndim >= 32:
        return None
    args.scales.data, args.scales.size = NULL, 0
    if scales is not None:
        if real_of(scales) != 0 or cnp.PyArray_NDIM(<cnp.ndarray>scales) != 1:
            return None
        if axis(scales, 0) != axis(W, 0):
            return None
        args.scales = as_vector(scales)
    flat = plain_ids(idx)
    args.idx = as_vector(flat)
    if out is None:
        out = empty_rows(idx, ndim, axis(W, 1), 0)
    else:
        if real_of(out) != 0 or not writable(out) or cnp.PyArray_NDIM(<cnp.ndarray>out) != ndim + 1:
            return None
        if not same_shape(out, idx, ndim) or axis(out, ndim) != axis(W, 1):
            return None
        if not apart(out, W) or not apart(out, idx) or not in_range(args.idx, axis(W, 0)):
            return None
        if scales is not None and not apart(out, scales):
            return None
    if kind == cnp.NPY_FLOAT16:
        run = entry(float16_entry, "reduced.gather_float16", 1)
    elif kind == cnp.NPY_UINT16:
        run = entry(bfloat16_entry, "reduced.gather_bfloat16", 1)
    elif kind == cnp.NPY_INT8:
        run = entry(int8_entry, "reduced.gather_int8", 1)
    else:
        return None
    args.W, args.out, args.fine = as_matrix(W), as_matrix(out), True
    share_gil(
        run, &args, args.idx.size, 1,
        args.idx.size * (NS_A_ROW + 4 * NS_A_BYTE_COPIED * args.W.columns),
    )
    return out if args.fine else None
