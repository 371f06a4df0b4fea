"""Negative sampling: the loss on a few rows of W with its gradients."""

import numpy as np

cimport numpy as cnp
from libc.math cimport NAN
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from fastembed.ops._costs cimport NS_A_DOT, NS_A_FACTOR
from fastembed.ops._fit cimport (
    are_bits, as_matrix, axis, empty, entry, float64, forget_ids, id_list, matrix, number, read_ids,
    size, vector,
)
from fastembed.ops._signature cimport Signature, ref
from fastembed.ops.loss cimport read_bits, sum_of
from fastembed.ops.optim cimport zero_all
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share, slice_function

cnp.import_array()

cdef enum:
    LINE = 16  # columns: no two threads write the same cache line

cdef slice_function[2] loss_entry
cdef slice_function[2] backward_entry

ctypedef struct loss_args:
    matrix h, W, targets, labels
    double scale, eps
    vector losses
    matrix dscores

ctypedef struct backward_args:
    matrix dscores, h, W, targets, dh, dW


cdef Signature LOSS = Signature("""
    h (N, D)
    W (V, D)
    targets (N, K) ids<V
    labels (N, K) bits: 0 or 1; in any shape that broadcasts to (N, K).
    > loss: numpy.float64
    > dscores (N, K): Gradient of the products, for negative_sampling_backward.
""")
cdef Signature BACKWARD = Signature(
    """
    dscores (N, K): What negative_sampling_loss gave, scaled by the gradient of the loss.
    h (N, D)
    W (V, D)
    targets (N, K) ids<V
    = dW (V, D): Overwritten.
    > dh (N, D)
    """,
    order="h W targets dscores",
)


@LOSS.documents
def negative_sampling_loss(h, W, targets, labels, *, eps=1e-7):
    """Logistic loss on the products of h with a few rows of W (T. Mikolov et al., 2013).

    ``loss = sum over k of mean over n of -log(p[n, k] + eps)``, with p = sigmoid(W[targets] . h)
    where the label is 1, and 1 minus that where it is 0.
    """
    result = negative_sampling_loss_if_fit(h, W, targets, labels, eps)
    if result is None:
        try:
            labels = np.broadcast_to(labels, np.shape(targets))
        except ValueError:
            pass  # the table's error says more
        given = h, W, targets, labels
        result = LOSS.again(negative_sampling_loss_if_fit, given, None, (eps,))
    return result


@BACKWARD.documents
def negative_sampling_backward(dscores, h, W, targets, dW):
    """Gradients of negative_sampling_loss; dW is overwritten."""
    dh = negative_sampling_backward_if_fit(dscores, h, W, targets, dW)
    if dh is None:
        dh = BACKWARD.again(negative_sampling_backward_if_fit, (dscores, h, W, targets), dW)
    return dh


# ---- doors


cpdef negative_sampling_loss_if_fit(h, W, targets, labels, eps):
    """`negative_sampling_loss`, or None if an argument does not fit as it is."""
    # one label for each column: not what the table says
    cdef bint one_row = are_bits(labels) and cnp.PyArray_NDIM(<cnp.ndarray>labels) == 1
    cdef object table_labels = None if one_row else labels
    cdef int real = LOSS.fits([<ref>h, <ref>W, <ref>targets, <ref>table_labels])
    cdef int64_t n, N, K
    cdef loss_args args
    cdef cnp.npy_intp[2] shape
    cdef id_list ids
    cdef Memory space
    cdef unsigned char *bits
    cdef double loss = NAN
    if real < 0 or (one_row and size(labels) != axis(targets, 1)):
        return None
    N, K = axis(targets, 0), axis(targets, 1)
    space = take(N * sizeof(double) + max(N, 1) * K)
    bits = <unsigned char *>space.start + N * sizeof(double)
    if not read_bits(labels, bits):
        return None
    if one_row:
        for n in range(1, N):
            memcpy(bits + n * K, bits, K)
    args.eps, args.scale = number("eps", eps), 1.0 / N if N else 0
    shape[0], shape[1] = N, K
    dscores = empty(2, shape, real)
    args.h, args.W, args.dscores = as_matrix(h), as_matrix(W), as_matrix(dscores)
    args.labels.data, args.labels.rows, args.labels.columns = bits, N, K
    args.losses.data, args.losses.size = space.start, N
    try:
        if not read_ids(targets, axis(W, 0), &ids):
            return None
        args.targets.data, args.targets.rows, args.targets.columns = ids.data, N, K
        run = entry(loss_entry, "sampling.negative_sampling_loss_slices", real)
        with nogil:
            share(run, &args, N, 1, N * K * (NS_A_DOT + NS_A_FACTOR * args.W.columns))
            if N:
                loss = sum_of(<double *>space.start, N)
    finally:
        forget_ids(&ids)
    return float64(loss), dscores


cpdef negative_sampling_backward_if_fit(dscores, h, W, targets, dW):
    """`negative_sampling_backward`; None, and nothing is written, if an argument does not fit."""
    cdef int real = BACKWARD.fits([<ref>dscores, <ref>h, <ref>W, <ref>targets, <ref>dW])
    cdef backward_args args
    cdef id_list ids
    if real < 0:
        return None
    dh = empty(2, cnp.PyArray_DIMS(<cnp.ndarray>h), real)
    args.dscores, args.h, args.W = as_matrix(dscores), as_matrix(h), as_matrix(W)
    args.dh, args.dW = as_matrix(dh), as_matrix(dW)
    try:
        if not read_ids(targets, axis(W, 0), &ids):
            return None
        args.targets.data = ids.data
        args.targets.rows, args.targets.columns = axis(targets, 0), axis(targets, 1)
        run = entry(backward_entry, "sampling.negative_sampling_backward_slices", real)
        zero_all((dW,))
        # each thread owns columns: no atomics, the same bits at any thread count
        with nogil:
            share(
                run, &args, args.W.columns, LINE,
                ids.size * (NS_A_DOT + 2 * NS_A_FACTOR * args.W.columns),
            )
    finally:
        forget_ids(&ids)
    return dh
