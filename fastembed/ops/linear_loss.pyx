"""Affine, softmax, loss and all gradients, a block of rows at a time."""

import numpy as np

from fastembed import _check
from fastembed.ops.loss import class_labels

cimport numpy as cnp
from libc.math cimport NAN
from libc.stdint cimport int64_t
from libc.string cimport memset

from fastembed.kernels._variants cimport product
from fastembed.ops._costs cimport NS_A_SCORE
from fastembed.ops._fit cimport (
    apart, are_ids, axis, data, empty, empty_like, entry, float64, forget_ids, id_list, is_real,
    matrix, read_labels, real_of, same_shape, size, typenum, vector, writable,
)
from fastembed.ops.dense cimport multiply
from fastembed.ops.loss cimport sum_of
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share, slice_function

cnp.import_array()

# scores of a block, about: enough for fast products, few enough for a cache
BLOCK = 1 << 22
cdef enum:
    LEAST = 64  # rows of a block, where there are so many

cdef slice_function[2] loss_entry
cdef slice_function[2] loss_alone_entry

ctypedef struct loss_args:
    matrix scores
    vector labels
    double scale, eps
    vector losses
    matrix dscores

# what the blocks are made of: W and dW with rows or columns side by side, dx and dW NULL for none
ctypedef struct parts:
    int64_t N, D, V
    char *x
    char *W
    int64_t W_row, W_col
    char *b
    char *dx
    char *dW
    bint rows_of_dW
    char *db


def linear_cross_entropy(x, W, b, labels, *, ignore_label=-1, out=None, need_grad=True):
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
    need_grad : bool
        False: the loss alone, with the same bits; out is not touched.

    Returns
    -------
    loss : numpy.float64
        NaN if no label counts.
    dx : ndarray of x's dtype and shape
    dW : (D, V) ndarray
    db : (V,) ndarray
        Gradients of loss; None without need_grad.

    Raises
    ------
    IndexError
        If a label is outside [-V, V); nothing has been written then.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    result = linear_cross_entropy_if_fit(x, W, b, labels, ignore_label, out, need_grad)
    if result is None:
        result = _linear_cross_entropy_any(x, W, b, labels, ignore_label, out, need_grad)
    return result


cpdef linear_cross_entropy_if_fit(x, W, b, labels, ignore_label, out, bint need_grad):
    """`linear_cross_entropy`; None, and nothing is written, if an argument does not fit as it is."""
    cdef int real = real_of(x), ndim
    cdef int64_t count
    cdef id_list ids
    cdef parts p
    cdef Memory losses
    cdef cnp.npy_intp[2] shape
    cdef double loss = NAN
    cdef bint rows_of_W
    if real < 0 or not _is_weight(W, real, &rows_of_W) or not is_real(b, 1, real):
        return None
    if not are_ids(labels) or (ignore_label is not None and type(ignore_label) is not int):
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>labels)
    p.D, p.V = axis(W, 0), axis(W, 1)
    if (
        p.V == 0 or axis(b, 0) != p.V or cnp.PyArray_NDIM(<cnp.ndarray>x) != ndim + 1
        or axis(x, ndim) != p.D or not same_shape(x, labels, ndim)
    ):
        return None
    p.W_row, p.W_col = p.V if rows_of_W else 1, 1 if rows_of_W else p.D
    p.dx = p.dW = p.db = NULL
    dx = dW = db = None
    if need_grad:
        if out is None:
            shape[0], shape[1] = p.D, p.V
            dW, db = empty(2, shape, real), empty(1, shape + 1, real)
        else:
            dW, db = _check.several("out", out, 2)
        if not _is_weight(dW, real, &p.rows_of_dW) or not is_real(db, 1, real):
            return None
        if axis(dW, 0) != p.D or axis(dW, 1) != p.V or axis(db, 0) != p.V or not apart(dW, db):
            return None
        if not writable(dW) or not writable(db):
            return None
        for array in (x, W, b, labels):
            if not apart(array, dW) or not apart(array, db):
                return None
        dx = empty_like(x, real)
        p.dx, p.dW, p.db = <char *>data(dx), <char *>data(dW), <char *>data(db)
    p.x, p.W, p.b = <char *>data(x), <char *>data(W), <char *>data(b)
    try:
        count = read_labels(labels, p.V, ignore_label, &ids)
        if count < 0:
            return None
        p.N = ids.size
        losses = take(p.N * sizeof(double))
        _all_blocks(&p, ids.data, 1.0 / count if count else 0, <double *>losses.start, real)
        if count:
            loss = sum_of(<double *>losses.start, p.N) / count
    finally:
        forget_ids(&ids)
    return float64(loss), dx, dW, db


cdef bint _is_weight(W, int real, bint *rows) noexcept:
    """Whether W is a matrix with rows or columns side by side: a tied W is a transposed view."""
    if not (
        cnp.PyArray_CheckExact(W)
        and cnp.PyArray_NDIM(<cnp.ndarray>W) == 2
        and cnp.PyArray_TYPE(<cnp.ndarray>W) == typenum(real)
        and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>W)
    ):
        return False
    rows[0] = cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>W)
    return rows[0] or cnp.PyArray_IS_F_CONTIGUOUS(<cnp.ndarray>W)


cdef int _all_blocks(parts *p, int64_t *labels, double scale, double *losses, int real) except -1:
    """Scores, losses, gradients over the scores, and what they add to dx, dW and db."""
    cdef int64_t itemsize = 8 if real else 4, lo = 0, n
    cdef int64_t most = max(LEAST, <int64_t>BLOCK // p.V), blocks = (p.N + most - 1) // most
    cdef int64_t height = (p.N + blocks - 1) // blocks if blocks else 0
    cdef Memory space = take(height * p.V * itemsize)
    cdef product scores, dx_job, dW_job, db_job
    cdef loss_args loss
    cdef double one = 1
    cdef float one_float = 1
    if p.N == 0 and p.dW != NULL:
        memset(p.dW, 0, p.D * p.V * itemsize)
        memset(p.db, 0, p.V * itemsize)
    loss.scale, loss.eps = scale, 0
    if p.dW == NULL:
        run = entry(loss_alone_entry, "loss.softmax_loss_slices", real)
    else:
        run = entry(loss_entry, "loss.softmax_cross_entropy_slices", real)

    scores.N, scores.K, scores.a_row, scores.a_col = p.V, p.D, p.D, 1
    scores.b, scores.b_row, scores.b_col = p.W, p.W_row, p.W_col
    scores.c, scores.c_row, scores.bias, scores.add = space.start, p.V, p.b, False
    dx_job.N, dx_job.K, dx_job.a, dx_job.a_row, dx_job.a_col = p.D, p.V, space.start, p.V, 1
    dx_job.b, dx_job.b_row, dx_job.b_col = p.W, p.W_col, p.W_row  # transposed
    dx_job.c_row, dx_job.bias, dx_job.add = p.D, NULL, False
    dW_job.c, dW_job.bias = p.dW, NULL
    db_job.M, db_job.N, db_job.a_row, db_job.a_col = 1, p.V, 0, 0  # a row of ones
    db_job.a = <const void *>&one if real else <const void *>&one_float
    db_job.b, db_job.b_row, db_job.b_col = space.start, p.V, 1
    db_job.c, db_job.c_row, db_job.bias = p.db, p.V, NULL
    with nogil:
        while lo < p.N:
            n = height if lo + height < p.N else p.N - lo
            scores.M, scores.a = n, p.x
            multiply(&scores, real)
            loss.scores.data, loss.scores.rows, loss.scores.columns = space.start, n, p.V
            loss.dscores = loss.scores
            loss.labels.data, loss.labels.size = labels + lo, n
            loss.losses.data, loss.losses.size = losses + lo, n
            share(run, &loss, n, 1, n * p.V * NS_A_SCORE)
            p.x += n * p.D * itemsize
            if p.dW == NULL:
                lo += n
                continue
            dx_job.M, dx_job.c = n, p.dx
            multiply(&dx_job, real)
            p.dx += n * p.D * itemsize
            dW_job.K, dW_job.add = n, lo > 0
            if p.rows_of_dW:  # x transposed times the gradients
                dW_job.M, dW_job.a, dW_job.a_row, dW_job.a_col = p.D, scores.a, 1, p.D
                dW_job.N, dW_job.b, dW_job.b_row, dW_job.b_col = p.V, space.start, p.V, 1
                dW_job.c_row = p.V
            else:
                dW_job.M, dW_job.a, dW_job.a_row, dW_job.a_col = p.V, space.start, 1, p.V
                dW_job.N, dW_job.b, dW_job.b_row, dW_job.b_col = p.D, scores.a, p.D, 1
                dW_job.c_row = p.D
            multiply(&dW_job, real)
            db_job.K, db_job.add = n, lo > 0
            multiply(&db_job, real)
            lo += n
    return 0


# ---- arguments that do not fit as they are


def _linear_cross_entropy_any(x, W, b, labels, ignore_label, out, need_grad):
    x = _check.floats("x", x)
    W = _check.floats("W", W, ndim=2, dtype=x.dtype)
    b = _check.floats("b", b, ndim=1, dtype=x.dtype)
    D, V = W.shape
    if V == 0:
        raise ValueError(f"W must have shape (D, V) with V >= 1, got {W.shape}")
    shape = x.shape[: x.ndim - 1]
    _check.shape("x", x, (*shape, D), "(any, rows of W)")
    _check.shape("b", b, (V,), "(columns of W,)")
    flat = class_labels(labels, shape, V, ignore_label)[0]
    if out is not None:
        inputs = {"x": x, "W": W, "b": b, "labels": np.asarray(labels)}
        dW = _check.output("out[0]", out[0], (D, V), x.dtype, inputs)
        db = _check.output("out[1]", out[1], (V,), x.dtype, {**inputs, "out[0]": dW})
    x, W, b = map(_check.plain, (x, W, b))
    loss, dx, *grads = linear_cross_entropy_if_fit(
        x, W, b, flat.reshape(shape), -1, None, need_grad
    )
    if out is None or not need_grad:
        return loss, dx, *grads
    dW[...], db[...] = grads
    return loss, dx, dW, db
