"""Softmax, and the losses on softmax and sigmoid with their gradients."""

import numpy as np

from fastembed import _check

cimport numpy as cnp
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t

from fastembed.ops._costs cimport NS_A_LOGIT, NS_A_SCORE
from fastembed.ops._fit cimport (
    are_ids, as_matrix, as_vector, axis, data, empty_like, entry, float64, forget_ids, id_list, is_plain,
    epsilon, is_real, matrix, read_labels, real_of, same_shape, size, vector,
)
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share, slice_function

cnp.import_array()

cdef slice_function[2] softmax_entry
cdef slice_function[2] backward_entry
cdef slice_function[2] loss_entry
cdef slice_function[2] loss_alone_entry
cdef slice_function[2] sigmoid_entry

ctypedef struct softmax_args:
    matrix x, y

ctypedef struct backward_args:
    matrix dout, y, dx

ctypedef struct loss_args:
    matrix scores
    vector labels
    double scale, eps
    vector losses
    matrix dscores

ctypedef struct sigmoid_args:
    vector scores, labels
    double scale, eps
    vector losses, dscores


def softmax(x):
    """Softmax over the last axis.

    Parameters
    ----------
    x : ndarray of float32 or float64, shape (..., V)

    Returns
    -------
    ndarray of x's dtype and shape

    Raises
    ------
    TypeError, ValueError
        If the dtype or the shape does not fit.
    """
    y = softmax_if_fit(x)
    return softmax_if_fit(_rows("x", _check.floats("x", x))) if y is None else y


def softmax_backward(dout, y):
    """Gradient of softmax: ``y * (dout - sum(dout * y))`` over the last axis.

    Parameters
    ----------
    dout : ndarray of float32 or float64, shape (..., V)
        Gradient of y.
    y : ndarray of dout's dtype and shape
        What softmax gave.

    Returns
    -------
    ndarray of dout's dtype and shape

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    dx = softmax_backward_if_fit(dout, y)
    return _softmax_backward_any(dout, y) if dx is None else dx


def softmax_cross_entropy(scores, labels, *, ignore_label=-1, eps=0.0, need_grad=True):
    """Mean cross-entropy of softmax(scores), and its gradient.

    ``loss = mean(-log(softmax(scores)[label] + eps))`` over the labels that count.

    Parameters
    ----------
    scores : ndarray of float32 or float64, shape (..., V)
    labels : array_like of integers, shape (...)
        Classes in [-V, V); negative ones other than ignore_label count from the end.
    ignore_label : int or None
        Rows with this label give no loss and no gradient. None: every label counts.
    eps : float
        Added to the probability before the logarithm; the gradient is that of eps = 0.
    need_grad : bool
        False: the loss alone, with the same bits.

    Returns
    -------
    loss : numpy.float64
        NaN if no label counts.
    dscores : ndarray of scores' dtype and shape
        Gradient of loss; None without need_grad.

    Raises
    ------
    IndexError
        If a label is outside [-V, V).
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    result = softmax_cross_entropy_if_fit(scores, labels, ignore_label, eps, need_grad)
    if result is None:
        scores = _rows("scores", _check.floats("scores", scores))
        *shape, V = scores.shape
        flat = class_labels(labels, shape, V, ignore_label)[0]
        result = softmax_cross_entropy_if_fit(scores, flat.reshape(shape), -1, eps, need_grad)
    return result


def sigmoid_cross_entropy(scores, labels, *, eps=0.0):
    """Mean binary cross-entropy of sigmoid(scores), and its gradient.

    ``loss = mean(-log(p + eps))`` with p = sigmoid(score) where the label is 1, else 1 minus that.

    Parameters
    ----------
    scores : ndarray of float32 or float64, any shape
    labels : array_like of integers or booleans, shape of scores
        0 or 1.
    eps : float
        Added to the probability before the logarithm; the gradient is that of eps = 0.

    Returns
    -------
    loss : numpy.float64
    dscores : ndarray of scores' dtype and shape
        Gradient of loss.

    Raises
    ------
    IndexError
        If a label is neither 0 nor 1.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    result = sigmoid_cross_entropy_if_fit(scores, labels, eps)
    if result is None:
        scores = _check.plain(_check.floats("scores", scores))
        bits = binary_labels(labels, scores.shape).reshape(scores.shape)
        result = sigmoid_cross_entropy_if_fit(scores, bits, eps)
    return result


# ---- doors


cpdef softmax_if_fit(x):
    """`softmax`, or None if x does not fit as it is."""
    cdef int real = real_of(x)
    cdef softmax_args args
    if real < 0 or not _has_rows(x):
        return None
    y = empty_like(x, real)
    args.x, args.y = as_matrix(x), as_matrix(y)
    run = entry(softmax_entry, "loss.softmax_slices", real)
    with nogil:
        share(run, &args, args.x.rows, 1, args.x.rows * args.x.columns * NS_A_SCORE)
    return y


cpdef softmax_backward_if_fit(dout, y):
    """`softmax_backward`, or None if an argument does not fit as it is."""
    cdef int real = real_of(y), ndim
    cdef backward_args args
    if real < 0 or not _has_rows(y):
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>y)
    if not is_real(dout, ndim, real) or not same_shape(dout, y, ndim):
        return None
    dx = empty_like(y, real)
    args.dout, args.y, args.dx = as_matrix(dout), as_matrix(y), as_matrix(dx)
    run = entry(backward_entry, "loss.softmax_backward_slices", real)
    with nogil:
        share(run, &args, args.y.rows, 1, args.y.rows * args.y.columns * NS_A_SCORE)
    return dx


cpdef softmax_cross_entropy_if_fit(scores, labels, ignore_label, eps, bint need_grad):
    """`softmax_cross_entropy`, or None if an argument does not fit as it is."""
    cdef int real = real_of(scores), ndim
    cdef int64_t count
    cdef id_list ids
    cdef loss_args args
    cdef Memory losses
    cdef double loss = NAN
    if real < 0 or not _has_rows(scores) or not are_ids(labels):
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>labels)
    if cnp.PyArray_NDIM(<cnp.ndarray>scores) != ndim + 1 or not same_shape(scores, labels, ndim):
        return None
    if ignore_label is not None and type(ignore_label) is not int:
        return None
    args.scores, args.eps = as_matrix(scores), epsilon(eps)
    try:
        count = read_labels(labels, args.scores.columns, ignore_label, &ids)
        if count < 0:
            return None
        losses = take(ids.size * sizeof(double))
        args.labels.data, args.labels.size = ids.data, ids.size
        args.losses.data, args.losses.size = losses.start, ids.size
        args.scale = 1.0 / count if count else 0
        if need_grad:
            dscores = empty_like(scores, real)
            args.dscores = as_matrix(dscores)
            run = entry(loss_entry, "loss.softmax_cross_entropy_slices", real)
        else:
            dscores = None
            run = entry(loss_alone_entry, "loss.softmax_loss_slices", real)
        with nogil:
            share(run, &args, ids.size, 1, ids.size * args.scores.columns * NS_A_SCORE)
            if count:
                loss = sum_of(<double *>losses.start, ids.size) / count
    finally:
        forget_ids(&ids)
    return float64(loss), dscores


cpdef sigmoid_cross_entropy_if_fit(scores, labels, eps):
    """`sigmoid_cross_entropy`, or None if an argument does not fit as it is."""
    cdef int real = real_of(scores), ndim
    cdef int64_t n
    cdef sigmoid_args args
    cdef Memory space
    cdef double loss = NAN
    if real < 0 or not are_bits(labels):
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>labels)
    if cnp.PyArray_NDIM(<cnp.ndarray>scores) != ndim or not same_shape(scores, labels, ndim):
        return None
    n = size(scores)
    space = take(n * (sizeof(double) + 1))
    args.labels.data, args.labels.size = space.start + n * sizeof(double), n
    if not read_bits(labels, <unsigned char *>args.labels.data):
        return None
    dscores = empty_like(scores, real)
    args.scores, args.dscores = as_vector(scores), as_vector(dscores)
    args.losses.data, args.losses.size = space.start, n
    args.scale, args.eps = 1.0 / n if n else 0, epsilon(eps)
    run = entry(sigmoid_entry, "loss.sigmoid_cross_entropy_slices", real)
    with nogil:
        share(run, &args, n, 16, n * NS_A_LOGIT)
        if n:
            loss = sum_of(<double *>space.start, n) / n
    return float64(loss), dscores


cdef inline bint _has_rows(x) noexcept:
    cdef int ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    return ndim > 0 and axis(x, ndim - 1) > 0


cdef double sum_of(const double *x, int64_t n) noexcept nogil:
    """In pairs, as NumPy does: the rounding of long sums stays small."""
    cdef double s = 0
    cdef int64_t k
    if n > 128:
        k = n // 2
        return sum_of(x, k) + sum_of(x + k, n - k)
    for k in range(n):
        s += x[k]
    return s


cdef bint are_bits(labels) noexcept:
    cdef int kind
    if not is_plain(labels):
        return False
    kind = cnp.PyArray_TYPE(<cnp.ndarray>labels)
    return (
        kind == cnp.NPY_BOOL or kind == cnp.NPY_UINT8 or kind == cnp.NPY_INT8
        or kind == cnp.NPY_INT32 or kind == cnp.NPY_INT64
    )


cdef bint read_bits(labels, unsigned char *out) except -1:
    """Copy labels; False if one is neither 0 nor 1."""
    cdef int64_t n = size(labels), itemsize = cnp.PyArray_ITEMSIZE(<cnp.ndarray>labels), k, wrong = 0
    cdef const int64_t *wide = <const int64_t *>data(labels)
    cdef const int32_t *narrow = <const int32_t *>data(labels)
    cdef const unsigned char *bytes = <const unsigned char *>data(labels)
    for k in range(n):
        if itemsize == 8:
            wrong |= wide[k]
            out[k] = <unsigned char>wide[k]
        elif itemsize == 4:
            wrong |= narrow[k]
            out[k] = <unsigned char>narrow[k]
        else:
            wrong |= bytes[k]
            out[k] = bytes[k]
    return (wrong & ~<int64_t>1) == 0


# ---- arguments that do not fit as they are


def _softmax_backward_any(dout, y):
    y = _check.floats("y", y)
    dout = _check.floats("dout", dout, dtype=y.dtype)
    _check.shape("dout", dout, y.shape, "like y")
    return softmax_backward_if_fit(_check.plain(dout), _rows("y", y))


def class_labels(labels, expected, V, ignore_label):
    """Return labels flat as int64, -1 where ignored, and how many count."""
    labels = _check.integers("labels", labels)
    _check.shape("labels", labels, expected, "(scores without the last axis)")
    ignored = None
    if ignore_label is not None:
        _check.number("ignore_label", ignore_label)
        ignored = labels.reshape(-1) == ignore_label
        if not ignored.any():
            ignored = None
        elif not -V <= ignore_label < V:
            labels = np.where(labels == ignore_label, 0, labels)  # passes the check of the rest
    flat = _check.indices("labels", labels, V, "scores", "classes")
    if ignored is None:
        return flat, flat.size
    flat = np.where(ignored, -1, flat)
    return flat, flat.size - int(np.count_nonzero(ignored))


def binary_labels(labels, expected):
    """Return labels flat as uint8; refuse others than 0 and 1."""
    labels = _check.as_array("labels", labels)
    if labels.dtype != bool:
        labels = _check.integers("labels", labels)
    _check.shape("labels", labels, expected, "like scores")
    flat = labels.reshape(-1)
    wrong = (flat != 0) & (flat != 1)
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        where = ", ".join(str(k) for k in np.unravel_index(position, labels.shape))
        raise IndexError(f"labels[{where}] = {flat[position]} is neither 0 nor 1")
    return flat.astype(np.uint8)


def _rows(name, x):
    """X as kernels take it; its last axis must not be empty."""
    if x.ndim == 0 or x.shape[x.ndim - 1] == 0:
        raise ValueError(f"{name} must have shape (..., V) with V >= 1, got {x.shape}")
    return _check.plain(x)
