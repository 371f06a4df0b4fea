"""Negative sampling: the loss on a few rows of W with its gradients."""

import numpy as np

from fastembed import _check
from fastembed.ops.loss import binary_labels

cimport numpy as cnp
from libc.math cimport NAN
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from fastembed.ops._costs cimport NS_A_DOT, NS_A_FACTOR
from fastembed.ops._fit cimport (
    apart, are_ids, as_matrix, axis, empty, entry, float64, forget_ids, id_list, is_real, matrix,
    epsilon, read_ids, real_with, same_shape, size, vector, writable,
)
from fastembed.ops.loss cimport are_bits, read_bits, sum_of
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


def negative_sampling_loss(h, W, targets, labels, *, eps=1e-7):
    """Logistic loss on the products of h with a few rows of W (T. Mikolov et al., 2013).

    ``loss = sum over k of mean over n of -log(p[n, k] + eps)``, with p = sigmoid(W[targets] . h)
    where the label is 1, and 1 minus that where it is 0.

    Parameters
    ----------
    h : (N, D) ndarray of float32 or float64
    W : (V, D) ndarray of h's dtype
    targets : array_like of integers, shape (N, K)
        Ids in [-V, V); negative ones count from the end.
    labels : array_like of 0 and 1, shape (N, K) or one that broadcasts to it
    eps : float
        Added to the probability before the logarithm; the gradient is that of eps = 0.

    Returns
    -------
    loss : numpy.float64
    dscores : (N, K) ndarray of h's dtype
        Gradient of the products, for negative_sampling_backward.

    Raises
    ------
    IndexError
        If a target is outside [-V, V), or a label is neither 0 nor 1.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    result = negative_sampling_loss_if_fit(h, W, targets, labels, eps)
    if result is None:
        h, W, targets = _arguments(h, W, targets)
        try:
            labels = np.broadcast_to(labels, targets.shape, subok=True)
        except ValueError:
            pass  # the next line says what is wrong
        bits = binary_labels(labels, targets.shape)
        result = negative_sampling_loss_if_fit(h, W, targets, bits.reshape(targets.shape), eps)
    return result


def negative_sampling_backward(dscores, h, W, targets, dW):
    """Gradients of negative_sampling_loss; dW is overwritten.

    Parameters
    ----------
    dscores : (N, K) ndarray of float32 or float64
        What negative_sampling_loss gave, scaled by the gradient of the loss.
    h : (N, D) ndarray of dscores' dtype
    W : (V, D) ndarray of dscores' dtype
    targets : array_like of integers, shape (N, K)
    dW : (V, D) ndarray of dscores' dtype
        Filled. Must not overlap the others.

    Returns
    -------
    dh : (N, D) ndarray

    Raises
    ------
    IndexError
        If a target is outside [-V, V).
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    dh = negative_sampling_backward_if_fit(dscores, h, W, targets, dW)
    return _backward_any(dscores, h, W, targets, dW) if dh is None else dh


# ---- doors


cpdef negative_sampling_loss_if_fit(h, W, targets, labels, eps):
    """`negative_sampling_loss`, or None if an argument does not fit as it is."""
    cdef int real = real_with(h, 2), ndim
    cdef int64_t n, N, K, given
    cdef loss_args args
    cdef cnp.npy_intp[2] shape
    cdef id_list ids
    cdef Memory space
    cdef unsigned char *bits
    cdef double loss = NAN
    if not _fit(h, W, targets, real) or not are_bits(labels):
        return None
    N, K = axis(targets, 0), axis(targets, 1)
    ndim, given = cnp.PyArray_NDIM(<cnp.ndarray>labels), size(labels)
    if not ((ndim == 1 and given == K) or (ndim == 2 and same_shape(labels, targets, 2))):
        return None
    space = take(N * sizeof(double) + max(N, 1) * K)
    bits = <unsigned char *>space.start + N * sizeof(double)
    if not read_bits(labels, bits):
        return None
    if ndim == 1:
        for n in range(1, N):
            memcpy(bits + n * K, bits, K)
    args.eps, args.scale = epsilon(eps), 1.0 / N if N else 0
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
    cdef int real = real_with(h, 2)
    cdef backward_args args
    cdef id_list ids
    if not _fit(h, W, targets, real):
        return None
    if not is_real(dscores, 2, real) or not same_shape(dscores, targets, 2):
        return None
    if not is_real(dW, 2, real) or not same_shape(dW, W, 2) or not writable(dW):
        return None
    if not (apart(dW, dscores) and apart(dW, h) and apart(dW, W) and apart(dW, targets)):
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


cdef bint _fit(h, W, targets, int real) noexcept:
    return (
        real >= 0 and is_real(W, 2, real) and axis(W, 1) == axis(h, 1) and are_ids(targets)
        and cnp.PyArray_NDIM(<cnp.ndarray>targets) == 2 and axis(targets, 0) == axis(h, 0)
    )


# ---- arguments that do not fit as they are


def _backward_any(dscores, h, W, targets, dW):
    given = (dscores, h, W, targets)
    h, W, targets = _arguments(h, W, targets)
    dscores = _check.floats("dscores", dscores, ndim=2, dtype=h.dtype)
    _check.shape("dscores", dscores, targets.shape, "like targets")
    inputs = dict(zip(("dscores", "h", "W", "targets"), map(np.asarray, given), strict=True))
    _check.output("dW", dW, W.shape, h.dtype, inputs)
    place = _check.plain(dW)
    dh = negative_sampling_backward_if_fit(_check.plain(dscores), h, W, targets, place)
    if not np.may_share_memory(place, dW):
        dW[...] = place
    return dh


def _arguments(h, W, targets):
    h = _check.floats("h", h, ndim=2)
    W = _check.floats("W", W, ndim=2, dtype=h.dtype)
    _check.shape("W", W, (W.shape[0], h.shape[1]), "(any, columns of h)")
    targets = _check.integers("targets", targets)
    if targets.ndim != 2 or targets.shape[0] != h.shape[0]:
        raise ValueError(
            f"targets must have shape (N, K) with N = {h.shape[0]}, got {targets.shape}"
        )
    flat = _check.indices("targets", targets, W.shape[0], "W")
    return _check.plain(h), _check.plain(W), flat.reshape(targets.shape)
