"""Softmax, and the losses on softmax and sigmoid with their gradients."""

cimport numpy as cnp
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t

from fastembed.ops._costs cimport NS_A_LOGIT, NS_A_SCORE
from fastembed.ops._fit cimport (
    as_matrix, as_vector, data, empty_like, entry, float64, forget_ids, id_list, matrix, number,
    read_labels, size, vector,
)
from fastembed.ops._signature cimport Signature, ref
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


cdef Signature SOFTMAX = Signature("""
    x (..., V+)
    > y (..., V)
""")
cdef Signature SOFTMAX_BACKWARD = Signature(
    """
    dout (..., V): Gradient of y.
    y (..., V+): What softmax gave.
    > dx (..., V)
    """,
    order="y dout",
)
cdef Signature CROSS_ENTROPY = Signature("""
    scores (..., V+)
    labels (...) classes<V: Classes in [-V, V); negative ones other than ignore_label count from
        the end.
    > loss: numpy.float64; NaN if no label counts.
    > dscores (..., V): Gradient of loss; None without need_grad.
""")
cdef Signature SIGMOID_CROSS_ENTROPY = Signature("""
    scores (...)
    labels (...) bits
    > loss: numpy.float64
    > dscores (...): Gradient of loss.
""")


@SOFTMAX.documents
def softmax(x):
    """Softmax over the last axis."""
    y = softmax_if_fit(x)
    return SOFTMAX.again(softmax_if_fit, (x,)) if y is None else y


@SOFTMAX_BACKWARD.documents
def softmax_backward(dout, y):
    """Gradient of softmax: ``y * (dout - sum(dout * y))`` over the last axis."""
    dx = softmax_backward_if_fit(dout, y)
    return SOFTMAX_BACKWARD.again(softmax_backward_if_fit, (dout, y)) if dx is None else dx


@CROSS_ENTROPY.documents
def softmax_cross_entropy(scores, labels, *, ignore_label=-1, eps=0.0, need_grad=True):
    """Mean cross-entropy of softmax(scores), and its gradient.

    ``loss = mean(-log(softmax(scores)[label] + eps))`` over the labels that count.
    """
    result = softmax_cross_entropy_if_fit(scores, labels, ignore_label, eps, need_grad)
    if result is None:
        result = CROSS_ENTROPY.again(
            softmax_cross_entropy_if_fit, (scores, labels), None, (-1, eps, need_grad), ignore_label
        )
    return result


@SIGMOID_CROSS_ENTROPY.documents
def sigmoid_cross_entropy(scores, labels, *, eps=0.0):
    """Mean binary cross-entropy of sigmoid(scores), and its gradient.

    ``loss = mean(-log(p + eps))`` with p = sigmoid(score) where the label is 1, else 1 minus that.
    """
    result = sigmoid_cross_entropy_if_fit(scores, labels, eps)
    if result is None:
        result = SIGMOID_CROSS_ENTROPY.again(
            sigmoid_cross_entropy_if_fit, (scores, labels), None, (eps,)
        )
    return result


# ---- doors


cpdef softmax_if_fit(x):
    """`softmax`, or None if x does not fit as it is."""
    cdef int real = SOFTMAX.fits([<ref>x])
    if real < 0:
        return None
    y = empty_like(x, real)
    softmax_into(real, x, y)
    return y


cdef int softmax_into(int real, x, y) except -1:
    cdef softmax_args args
    args.x, args.y = as_matrix(x), as_matrix(y)
    run = entry(softmax_entry, "loss.softmax_slices", real)
    with nogil:
        share(run, &args, args.x.rows, 1, args.x.rows * args.x.columns * NS_A_SCORE)
    return 0


cpdef softmax_backward_if_fit(dout, y):
    """`softmax_backward`, or None if an argument does not fit as it is."""
    cdef int real = SOFTMAX_BACKWARD.fits([<ref>dout, <ref>y])
    if real < 0:
        return None
    dx = empty_like(y, real)
    softmax_backward_into(real, dout, y, dx)
    return dx


cdef int softmax_backward_into(int real, dout, y, dx) except -1:
    cdef backward_args args
    args.dout, args.y, args.dx = as_matrix(dout), as_matrix(y), as_matrix(dx)
    run = entry(backward_entry, "loss.softmax_backward_slices", real)
    with nogil:
        share(run, &args, args.y.rows, 1, args.y.rows * args.y.columns * NS_A_SCORE)
    return 0


cpdef softmax_cross_entropy_if_fit(scores, labels, ignore_label, eps, bint need_grad):
    """`softmax_cross_entropy`, or None if an argument does not fit as it is."""
    cdef int real = CROSS_ENTROPY.fits([<ref>scores, <ref>labels])
    cdef int64_t count
    cdef id_list ids
    cdef loss_args args
    cdef Memory losses
    cdef double loss = NAN
    if real < 0 or (ignore_label is not None and type(ignore_label) is not int):
        return None
    args.scores, args.eps = as_matrix(scores), number("eps", eps)
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
    cdef int real = SIGMOID_CROSS_ENTROPY.fits([<ref>scores, <ref>labels])
    cdef int64_t n
    cdef sigmoid_args args
    cdef Memory space
    cdef double loss = NAN
    if real < 0:
        return None
    n = size(scores)
    space = take(n * (sizeof(double) + 1))
    args.labels.data, args.labels.size = space.start + n * sizeof(double), n
    if not read_bits(labels, <unsigned char *>args.labels.data):
        return None
    dscores = empty_like(scores, real)
    args.scores, args.dscores = as_vector(scores), as_vector(dscores)
    args.losses.data, args.losses.size = space.start, n
    args.scale, args.eps = 1.0 / n if n else 0, number("eps", eps)
    run = entry(sigmoid_entry, "loss.sigmoid_cross_entropy_slices", real)
    with nogil:
        share(run, &args, n, 16, n * NS_A_LOGIT)
        if n:
            loss = sum_of(<double *>space.start, n) / n
    return float64(loss), dscores


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
