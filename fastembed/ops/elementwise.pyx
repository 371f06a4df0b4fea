"""Doors of small layers: sigmoid, the error of probabilities, dropout, in one pass each.

Each returns None if an argument does not fit as it is: NumPy's own expressions do the rest.
"""

cimport numpy as cnp
from libc.math cimport log
from libc.stdint cimport int64_t

from fastembed.kernels.simd cimport chosen, kernel_table
from fastembed.ops._costs cimport NS_A_SCORE
from fastembed.ops._fit cimport (
    are_ids, axis, data, empty, empty_like, float64, forget_ids, id_list, is_plain, is_real,
    read_ids, real_of, real_with, same_shape, size,
)
from fastembed.runtime.pool cimport share

cnp.import_array()

ctypedef fused number:
    float
    double

ctypedef struct sigmoid_args:
    const kernel_table *table
    const char *x
    char *y
    int64_t itemsize


cpdef sigmoid_if_fit(x):
    """1 / (1 + exp(-x)), to about two units in the last place."""
    cdef int real = real_of(x)
    cdef sigmoid_args args
    if real < 0:
        return None
    y = empty_like(x, real)
    args.table, args.itemsize = &chosen.of[real], 8 if real else 4
    args.x, args.y = <const char *>data(x), <char *>data(y)
    share(_sigmoid, &args, size(x), 64, size(x) * NS_A_SCORE)
    return y


cdef void _sigmoid(const void *arguments, int64_t lo, int64_t hi, int64_t member) noexcept nogil:
    cdef const sigmoid_args *args = <const sigmoid_args *>arguments
    cdef int64_t start = lo * args.itemsize
    args.table.apply(False, args.x + start, args.y + start, hi - lo)


cpdef sigmoid_backward_if_fit(dout, y):
    """The gradient of x: dout y (1 - y)."""
    cdef int real = real_of(y), ndim
    if real < 0:
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>y)
    if not is_real(dout, ndim, real) or not same_shape(dout, y, ndim):
        return None
    dx = empty_like(y, real)
    if real:
        _sigmoid_backward[double](1, dout, y, dx)
    else:
        _sigmoid_backward[float](1, dout, y, dx)
    return dx


cdef void _sigmoid_backward(number one, dout, y, dx) noexcept:
    cdef const number *d = <const number *>data(dout)
    cdef const number *p = <const number *>data(y)
    cdef number *out = <number *>data(dx)
    cdef int64_t k
    for k in range(size(y)):
        out[k] = d[k] * (one - p[k]) * p[k]


cpdef cross_entropy_error_if_fit(y, t):
    """Mean of -log(y[n, t[n]] + 1e-7) for probabilities y (N, V) and classes t (N,)."""
    cdef int real = real_with(y, 2)
    cdef int64_t n, V
    cdef id_list ids
    cdef double p, loss = 0
    if not _are_classes(y, t, real):
        return None
    V = axis(y, 1)
    try:
        if not read_ids(t, V, &ids):
            return None
        for n in range(ids.size):
            if real:
                p = (<double *>data(y))[n * V + ids.data[n]]
            else:
                p = (<float *>data(y))[n * V + ids.data[n]]
            loss -= log(p + 1e-7)
    finally:
        forget_ids(&ids)
    return float64(loss / ids.size)


cpdef cross_entropy_backward_if_fit(y, t, dout):
    """The gradient of what softmax made y from: (y - 1 where v = t[n]) dout / N."""
    cdef int real = real_with(y, 2)
    cdef id_list ids
    cdef double scale
    if not _are_classes(y, t, real) or not isinstance(dout, int | float):
        return None
    scale = <double>dout / axis(y, 0)
    try:
        if not read_ids(t, axis(y, 1), &ids):
            return None
        dx = empty_like(y, real)
        if real:
            _cross_entropy_backward[double](scale, y, &ids, dx)
        else:
            _cross_entropy_backward[float](<float>scale, y, &ids, dx)
    finally:
        forget_ids(&ids)
    return dx


cdef inline bint _are_classes(y, t, int real) noexcept:
    return (
        real >= 0 and are_ids(t) and cnp.PyArray_NDIM(<cnp.ndarray>t) == 1
        and axis(t, 0) == axis(y, 0) > 0 and axis(y, 1) > 1
    )


cdef void _cross_entropy_backward(number scale, y, const id_list *t, dx) noexcept:
    cdef const number *p = <const number *>data(y)
    cdef number *out = <number *>data(dx)
    cdef int64_t n, v, V = axis(y, 1)
    for n in range(t.size):
        for v in range(V):
            out[v] = p[v] * scale
        out[t.data[n]] = (p[t.data[n]] - 1) * scale
        out += V
        p += V


cpdef row_products_if_fit(a, b):
    """The inner products of the rows of a and b (N, D): (N,)."""
    cdef int real = real_with(a, 2)
    cdef int64_t n
    if real < 0 or not is_real(b, 2, real) or not same_shape(a, b, 2):
        return None
    out = empty(1, cnp.PyArray_DIMS(<cnp.ndarray>a), real)
    for n in range(axis(a, 0)):
        if real:
            (<double *>data(out))[n] = _product[double](1, a, b, n)
        else:
            (<float *>data(out))[n] = _product[float](1, a, b, n)
    return out


cdef number _product(number one, a, b, int64_t n) noexcept:
    cdef int64_t D = axis(a, 1), k = 0, j
    cdef const number *x = <const number *>data(a) + n * D
    cdef const number *y = <const number *>data(b) + n * D
    cdef number[16] sums  # side by side: short sums round less, and are vectors
    cdef number s = 0
    for j in range(16):
        sums[j] = 0
    while k + 16 <= D:
        for j in range(16):
            sums[j] += x[k + j] * y[k + j]
        k += 16
    for j in range(16):
        s += sums[j]
    while k < D:
        s += x[k] * y[k]
        k += 1
    return s


cpdef scaled_rows_if_fit(scale, rows):
    """rows (N, D), each times its number of scale (N,)."""
    cdef int real = real_with(rows, 2)
    if real < 0 or not is_real(scale, 1, real) or axis(scale, 0) != axis(rows, 0):
        return None
    out = empty_like(rows, real)
    if real:
        _scale_rows[double](1, scale, rows, out)
    else:
        _scale_rows[float](1, scale, rows, out)
    return out


cdef void _scale_rows(number one, scale, rows, out) noexcept:
    cdef const number *factors = <const number *>data(scale)
    cdef const number *x = <const number *>data(rows)
    cdef number *y = <number *>data(out)
    cdef int64_t n, k, D = axis(rows, 1)
    for n in range(axis(rows, 0)):
        for k in range(n * D, n * D + D):
            y[k] = x[k] * factors[n]


cpdef masked_if_fit(x, mask):
    """x times a mask of booleans."""
    cdef int real = real_of(x), ndim
    if real < 0 or not is_plain(mask) or cnp.PyArray_TYPE(<cnp.ndarray>mask) != cnp.NPY_BOOL:
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    if cnp.PyArray_NDIM(<cnp.ndarray>mask) != ndim or not same_shape(mask, x, ndim):
        return None
    out = empty_like(x, real)
    if real:
        _mask[double](1, x, mask, out)
    else:
        _mask[float](1, x, mask, out)
    return out


cdef void _mask(number one, x, mask, out) noexcept:
    cdef const number *given = <const number *>data(x)
    cdef const unsigned char *kept = <const unsigned char *>data(mask)
    cdef number *result = <number *>data(out)
    cdef int64_t k
    for k in range(size(x)):
        result[k] = given[k] * kept[k]


cpdef dropout_if_fit(x, uniform, ratio, double scale):
    """x times a mask, and the mask: scale where uniform > ratio, else 0, as float32."""
    cdef int real = real_of(x), ndim
    if real < 0 or type(ratio) is not float:
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    if not is_real(uniform, ndim, 1) or not same_shape(uniform, x, ndim):
        return None
    out, mask = empty_like(x, real), empty_like(x, 0)
    if real:
        _drop[double](1, x, uniform, ratio, scale, mask, out)
    else:
        _drop[float](1, x, uniform, ratio, scale, mask, out)
    return out, mask


cdef void _drop(number one, x, uniform, double ratio, double scale, mask, out) noexcept:
    cdef const number *given = <const number *>data(x)
    cdef const double *drawn = <const double *>data(uniform)
    cdef float *factors = <float *>data(mask)
    cdef float kept = <float>scale
    cdef number *result = <number *>data(out)
    cdef int64_t k
    for k in range(size(x)):
        factors[k] = kept * <float>(drawn[k] > ratio)  # a branch would be guessed wrong
        result[k] = given[k] * factors[k]
