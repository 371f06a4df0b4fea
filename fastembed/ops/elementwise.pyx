"""Doors of small layers: sigmoid, the error of probabilities, dropout, in one pass each.

Each returns None if an argument does not fit as it is: NumPy's own expressions do the rest.
"""

cimport numpy as cnp
from libc.math cimport log
from libc.stdint cimport int64_t, uint8_t

from fastembed.kernels._variants cimport chosen, kernel_table
from fastembed.ops._costs cimport NS_A_SCORE
from fastembed.ops._fit cimport (
    are_ids, axis, data, empty_like, float64, forget_ids, id_list, is_real, read_ids, real_of, real_with,
    same_shape, size,
)
from fastembed.runtime.pool cimport share

cnp.import_array()

ctypedef fused number:
    float
    double

ctypedef fused factor:
    uint8_t
    float

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


cpdef dropout_if_fit(x, uniform, ratio, scale=None):
    """x times a mask, and the mask: whether uniform > ratio, as float32 times scale if there is one."""
    cdef int real = real_of(x), ndim
    if real < 0 or type(ratio) is not float or (scale is not None and type(scale) is not float):
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    if not is_real(uniform, ndim, 1) or not same_shape(uniform, x, ndim):
        return None
    out = empty_like(x, real)
    mask = cnp.PyArray_EMPTY(
        ndim, cnp.PyArray_DIMS(<cnp.ndarray>x), cnp.NPY_BOOL if scale is None else cnp.NPY_FLOAT32, 0
    )
    if scale is None and real:
        _drop[double, uint8_t](1, 1, ratio, x, uniform, mask, out)
    elif scale is None:
        _drop[float, uint8_t](1, 1, ratio, x, uniform, mask, out)
    elif real:
        _drop[double, float](1, <float>scale, ratio, x, uniform, mask, out)
    else:
        _drop[float, float](1, <float>scale, ratio, x, uniform, mask, out)
    return out, mask


cdef void _drop(number one, factor kept, double ratio, x, uniform, mask, out) noexcept:
    cdef const number *given = <const number *>data(x)
    cdef const double *drawn = <const double *>data(uniform)
    cdef factor *factors = <factor *>data(mask)
    cdef number *result = <number *>data(out)
    cdef int64_t k
    for k in range(size(x)):
        factors[k] = kept if drawn[k] > ratio else 0
        result[k] = given[k] * (one * factors[k])
