"""Affine, softmax, loss and all gradients, a block of rows at a time."""

import numpy as np

from fastembed import _check
from fastembed.ops.loss import class_labels, mean

cimport numpy as cnp
from libc.stdint cimport int64_t

from fastembed.kernels._variants cimport product
from fastembed.ops._fit cimport as_vector, data, entry, matrix, real_of, vector
from fastembed.ops.dense cimport multiply
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share, slice_function

cnp.import_array()

cdef enum:
    BLOCK = 1 << 22  # scores of a block, about: enough for fast products, few enough for a cache
    LEAST = 64  # rows of a block, where there are so many

cdef double NS_A_SCORE = 0.6  # nanoseconds of one thread, see docs/performance.md

cdef slice_function[2] loss_entry

ctypedef struct loss_args:
    matrix scores
    vector labels
    double scale, eps
    vector losses
    matrix dscores


def linear_cross_entropy(x, W, b, labels, *, ignore_label=-1, out=None):
    """Mean cross-entropy of ``softmax(x @ W + b)``, and its gradients.

    The scores of a block of rows exist at a time, never all of them (E. Wijmans et al., Cut Your
    Losses in Large-Vocabulary Language Models, 2024).

    Parameters
    ----------
    x : ndarray of float32 or float64, shape (..., D)
    W : (D, V) ndarray of x's dtype
    b : (V,) ndarray of x's dtype
    labels : array_like of integers, shape (...)
        Classes in [-V, V); negative ones other than ignore_label count from the end.
    ignore_label : int or None
        Rows with this label give no loss and no gradient. None: every label counts.
    out : (dW, db), optional
        Arrays to overwrite, (D, V) and (V,) of x's dtype. Must not overlap the inputs.

    Returns
    -------
    loss : numpy.float64
        NaN if no label counts.
    dx : ndarray of x's dtype and shape
    dW : (D, V) ndarray
    db : (V,) ndarray

    Raises
    ------
    IndexError
        If a label is outside [-V, V); nothing has been written then.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    x = _check.floats("x", x)
    W = _check.floats("W", W, ndim=2, dtype=x.dtype)
    b = _check.floats("b", b, ndim=1, dtype=x.dtype)
    D, V = W.shape
    if V == 0:
        raise ValueError(f"W must have shape (D, V) with V >= 1, got {W.shape}")
    _check.shape("x", x, (*x.shape[: x.ndim - 1], D), "(any, rows of W)")
    _check.shape("b", b, (V,), "(columns of W,)")
    flat, count = class_labels(labels, x.shape[: x.ndim - 1], V, ignore_label)
    if out is None:
        dW, db = np.empty((D, V), x.dtype), np.empty(V, x.dtype)
    else:
        inputs = {"x": x, "W": W, "b": b, "labels": np.asarray(labels)}
        dW = _check.output("out[0]", out[0], (D, V), x.dtype, inputs)
        db = _check.output("out[1]", out[1], (V,), x.dtype, {**inputs, "out[0]": dW})
    x, W, b = map(_check.plain, (x, W, b))
    # rows side by side, or columns: dW of a tied W is a transposed view
    place = dW if dW.flags.c_contiguous or dW.flags.f_contiguous else np.empty((D, V), x.dtype)
    sums = db if db.flags.c_contiguous else np.empty(V, x.dtype)
    dx, losses = np.empty(x.shape, x.dtype), np.empty(flat.size)
    if flat.size:
        _all_blocks(x, W, b, flat, 1 / count if count else 0.0, losses, dx, place, sums)
    else:
        place[...], sums[...] = 0, 0
    if place is not dW:
        dW[...] = place
    if sums is not db:
        db[...] = sums
    return mean(losses, count), dx, dW, db


cdef int _all_blocks(x, W, b, labels, double scale, losses, dx, dW, db) except -1:
    """Scores, losses, gradients over the scores, and what they add to dx, dW and db."""
    cdef int real = real_of(x)
    cdef int64_t itemsize = 8 if real else 4, N = labels.size, D = W.shape[0], V = W.shape[1], lo, n
    cdef int64_t most = max(LEAST, BLOCK // V), blocks = (N + most - 1) // most
    cdef int64_t height = (N + blocks - 1) // blocks
    cdef Memory space = take(height * V * itemsize)
    cdef product scores, dx_job, dW_job, db_job
    cdef loss_args loss
    cdef bint wide = dW.flags.c_contiguous
    cdef char *x_rows = <char *>data(x)
    cdef char *dx_rows = <char *>data(dx)
    cdef double one = 1
    cdef float one_float = 1
    loss.labels, loss.losses = as_vector(labels), as_vector(losses)
    loss.scale, loss.eps = scale, 0
    run = entry(loss_entry, "loss.softmax_cross_entropy_slices", real)

    scores.N, scores.K, scores.a_row, scores.a_col = V, D, D, 1
    scores.b, scores.b_row, scores.b_col = data(W), V, 1
    scores.c, scores.c_row, scores.bias, scores.add = space.start, V, data(b), False
    dx_job.N, dx_job.K, dx_job.a, dx_job.a_row, dx_job.a_col = D, V, space.start, V, 1
    dx_job.b, dx_job.b_row, dx_job.b_col = data(W), 1, V  # transposed
    dx_job.c_row, dx_job.bias, dx_job.add = D, NULL, False
    dW_job.c, dW_job.bias = data(dW), NULL
    db_job.M, db_job.N, db_job.a_row, db_job.a_col = 1, V, 0, 0  # a row of ones
    db_job.a = <const void *>&one if real else <const void *>&one_float
    db_job.b, db_job.b_row, db_job.b_col = space.start, V, 1
    db_job.c, db_job.c_row, db_job.bias = data(db), V, NULL
    with nogil:
        lo = 0
        while lo < N:
            n = height if lo + height < N else N - lo
            scores.M, scores.a = n, x_rows
            multiply(&scores, real)
            loss.scores.data, loss.scores.rows, loss.scores.columns = space.start, n, V
            loss.dscores = loss.scores
            share(run, &loss, n, 1, n * V * NS_A_SCORE)
            loss.labels.data = <int64_t *>loss.labels.data + n
            loss.losses.data = <double *>loss.losses.data + n
            dx_job.M, dx_job.c = n, dx_rows
            multiply(&dx_job, real)
            dW_job.K, dW_job.add = n, lo > 0
            if wide:  # x transposed times the gradients
                dW_job.M, dW_job.a, dW_job.a_row, dW_job.a_col = D, x_rows, 1, D
                dW_job.N, dW_job.b, dW_job.b_row, dW_job.b_col = V, space.start, V, 1
                dW_job.c_row = V
            else:
                dW_job.M, dW_job.a, dW_job.a_row, dW_job.a_col = V, space.start, 1, V
                dW_job.N, dW_job.b, dW_job.b_row, dW_job.b_col = D, x_rows, D, 1
                dW_job.c_row = D
            multiply(&dW_job, real)
            db_job.K, db_job.add = n, lo > 0
            multiply(&db_job, real)
            x_rows += n * D * itemsize
            dx_rows += n * D * itemsize
            lo += n
    return 0
