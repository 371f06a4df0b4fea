"""Doors of small layers: sigmoid, relu, the error of probabilities, dropout, in one pass each.

Each returns None if an argument does not fit as it is: NumPy's own expressions do the rest.
"""

cimport numpy as cnp
from libc.math cimport log
from libc.stdint cimport int64_t

from fastembed.kernels.simd cimport chosen, kernel_table
from fastembed.ops._costs cimport NS_A_SCORE
from fastembed.ops._fit cimport (
    axis, data, empty_like, empty_rows, float64, plain_ids, real_of, size,
)
from fastembed.ops._signature cimport Signature, ref
from fastembed.runtime.pool cimport share_gil

cnp.import_array()

cdef enum:
    LINE = 64  # entries: no two threads write the same cache line
    PIECE = 1 << 13  # random numbers at a time: 64 KB, which a core's cache holds

ctypedef fused number:
    float
    double

ctypedef struct sigmoid_args:
    const kernel_table *table
    const char *x
    char *y
    int64_t itemsize

cdef Signature ALIKE = Signature("x (...)\ny (...)")
cdef Signature MASKED = Signature("x (...)\nmask (...) bits")
cdef Signature CLASSES = Signature("y (N, V)\nt (N) classes<V")
cdef Signature TWO_ROWS = Signature("a (N, D)\nb (N, D)")
cdef Signature SCALED = Signature("scale (N)\nrows (N, D)")


cpdef sigmoid_if_fit(x):
    """1 / (1 + exp(-x)), to about two units in the last place."""
    cdef int real = real_of(x)
    cdef sigmoid_args args
    if real < 0 or cnp.PyArray_NDIM(<cnp.ndarray>x) == 0:
        return None
    y = empty_like(x, real)
    args.table = &chosen.of[real]
    args.itemsize = 8 if real else 4
    args.x, args.y = <const char *>data(x), <char *>data(y)
    share_gil(_sigmoid, &args, size(x), LINE, size(x) * NS_A_SCORE)
    return y


cdef void _sigmoid(const void *arguments, int64_t lo, int64_t hi, int64_t member) noexcept nogil:
    cdef const sigmoid_args *args = <const sigmoid_args *>arguments
    cdef int64_t start = lo * args.itemsize
    args.table.apply(False, args.x + start, args.y + start, hi - lo)


cpdef sigmoid_backward_if_fit(dout, y):
    """The gradient of x: dout y (1 - y)."""
    cdef int real = ALIKE.fits([<ref>dout, <ref>y])
    if real < 0:
        return None
    dx = empty_like(y, real)
    if real:
        _sigmoid_backward(<double *>data(dout), <double *>data(y), <double *>data(dx), size(y))
    else:
        _sigmoid_backward(<float *>data(dout), <float *>data(y), <float *>data(dx), size(y))
    return dx


cdef void _sigmoid_backward(number *dout, number *y, number *dx, int64_t n) noexcept:
    cdef int64_t k
    for k in range(n):
        dx[k] = dout[k] * (1 - y[k]) * y[k]


cpdef relu_if_fit(x):
    """max(0, x); NaN stays."""
    cdef int real = real_of(x)
    if real < 0 or cnp.PyArray_NDIM(<cnp.ndarray>x) == 0:
        return None
    y = empty_like(x, real)
    if real:
        _relu(<double *>data(x), <double *>data(y), size(x))
    else:
        _relu(<float *>data(x), <float *>data(y), size(x))
    return y


cdef void _relu(number *x, number *y, int64_t n) noexcept:
    cdef int64_t k
    for k in range(n):
        y[k] = 0 if x[k] <= 0 else x[k]


cpdef cross_entropy_error_if_fit(y, t):
    """Mean of -log(y[n, t[n]] + 1e-7) for probabilities y (N, V) and classes t (N,)."""
    cdef int real = CLASSES.fits([<ref>y, <ref>t])
    cdef int64_t n, v, V
    cdef double p, loss = 0
    if real < 0 or axis(y, 0) == 0 or axis(y, 1) < 2:
        return None
    V, flat = axis(y, 1), plain_ids(t)
    for n in range(axis(y, 0)):
        v = _class(<int64_t *>data(flat), n, V)
        if v < 0:
            return None
        if real:
            p = (<double *>data(y))[n * V + v]
        else:
            p = (<float *>data(y))[n * V + v]
        loss -= log(p + 1e-7)
    return float64(loss / axis(y, 0))


cdef inline int64_t _class(const int64_t *t, int64_t n, int64_t V) noexcept:
    """The n-th class, those below 0 counted from the end; -1 if it is outside [-V, V)."""
    cdef int64_t v = t[n]
    v += V if v < 0 else 0
    return v if v < V else -1


cpdef cross_entropy_backward_if_fit(y, t, dout):
    """The gradient of what softmax made y from: (y - 1 where v = t[n]) dout / N."""
    cdef int real = CLASSES.fits([<ref>y, <ref>t])
    cdef int64_t N, V
    cdef const int64_t *labels
    cdef double scale
    cdef bint fine
    if real < 0 or not isinstance(dout, int | float) or axis(y, 0) == 0 or axis(y, 1) < 2:
        return None
    scale = <double>dout / axis(y, 0)
    dx, flat = empty_like(y, real), plain_ids(t)
    N, V, labels = axis(y, 0), axis(y, 1), <int64_t *>data(flat)
    if real:
        fine = _cross_entropy_backward(<double *>data(y), labels, scale, <double *>data(dx), N, V)
    else:
        fine = _cross_entropy_backward(<float *>data(y), labels, scale, <float *>data(dx), N, V)
    return dx if fine else None


cdef bint _cross_entropy_backward(
    number *y, const int64_t *t, double dout, number *dx, int64_t N, int64_t V
) noexcept:
    cdef int64_t n, v, label
    cdef number scale = <number>dout
    for n in range(N):
        label = _class(t, n, V)
        if label < 0:
            return False
        for v in range(V):
            dx[v] = y[v] * scale
        dx[label] = (y[label] - 1) * scale
        dx += V
        y += V
    return True


cpdef row_products_if_fit(a, b):
    """The inner products of the rows of a and b (N, D): (N,)."""
    cdef int real = TWO_ROWS.fits([<ref>a, <ref>b])
    cdef int64_t N, D
    if real < 0:
        return None
    N, D = axis(a, 0), axis(a, 1)
    out = empty_rows(a, 0, N, real)
    if real:
        _row_products(<double *>data(a), <double *>data(b), <double *>data(out), N, D)
    else:
        _row_products(<float *>data(a), <float *>data(b), <float *>data(out), N, D)
    return out


cdef void _row_products(number *a, number *b, number *out, int64_t N, int64_t D) noexcept:
    cdef int64_t n, k, j
    cdef number[16] sums  # side by side: short sums round less, and are vectors
    cdef number total
    for n in range(N):
        for j in range(16):
            sums[j] = 0
        for k in range(0, D - 15, 16):
            for j in range(16):
                sums[j] += a[k + j] * b[k + j]
        total = 0
        for j in range(16):
            total += sums[j]
        for k in range(D // 16 * 16, D):
            total += a[k] * b[k]
        out[n] = total
        a += D
        b += D


cpdef scaled_rows_if_fit(scale, rows):
    """rows (N, D), each times its number of scale (N,)."""
    cdef int real = SCALED.fits([<ref>scale, <ref>rows])
    cdef int64_t N, D
    if real < 0:
        return None
    N, D = axis(rows, 0), axis(rows, 1)
    out = empty_like(rows, real)
    if real:
        _scale_rows(<double *>data(scale), <double *>data(rows), <double *>data(out), N, D)
    else:
        _scale_rows(<float *>data(scale), <float *>data(rows), <float *>data(out), N, D)
    return out


cdef void _scale_rows(number *scale, number *x, number *y, int64_t N, int64_t D) noexcept:
    cdef int64_t n, k
    for n in range(N):
        for k in range(n * D, n * D + D):
            y[k] = x[k] * scale[n]


cpdef masked_if_fit(x, mask):
    """x times a mask of booleans."""
    cdef int real = MASKED.fits([<ref>x, <ref>mask])
    if real < 0 or cnp.PyArray_TYPE(<cnp.ndarray>mask) != cnp.NPY_BOOL:
        return None
    out = empty_like(x, real)
    if real:
        _mask(<double *>data(x), <unsigned char *>data(mask), <double *>data(out), size(x))
    else:
        _mask(<float *>data(x), <unsigned char *>data(mask), <float *>data(out), size(x))
    return out


cdef void _mask(number *x, unsigned char *kept, number *out, int64_t n) noexcept:
    cdef int64_t k
    for k in range(n):
        out[k] = x[k] * kept[k]


cpdef dropout_if_fit(x, draw, ratio, double scale):
    """x times a mask, and the mask: scale where a number of draw(n) > ratio, else 0, as float32."""
    cdef int real = real_of(x)
    cdef int64_t n, lo, some
    cdef double *drawn
    cdef float *kept
    if real < 0 or type(ratio) is not float:
        return None
    out, mask = empty_like(x, real), empty_like(x, 0)
    kept, n = <float *>data(mask), size(x)
    for lo in range(0, n, PIECE):
        some = min(<int64_t>PIECE, n - lo)
        uniform = draw(some)
        if real_of(uniform) != 1 or size(uniform) != some:
            raise TypeError(f"draw({some}) must return as many float64, got {uniform!r}")
        drawn = <double *>data(uniform)
        if real:
            _drop[double](
                <double *>data(x) + lo, drawn, ratio, scale, kept + lo, <double *>data(out) + lo, some
            )
        else:
            _drop[float](
                <float *>data(x) + lo, drawn, ratio, scale, kept + lo, <float *>data(out) + lo, some
            )
    return out, mask


cdef void _drop(
    number *x, double *drawn, double ratio, double scale, float *mask, number *out, int64_t n
) noexcept:
    cdef float kept = <float>scale
    cdef int64_t k
    for k in range(n):
        mask[k] = kept * <float>(drawn[k] > ratio)  # a branch would be guessed wrong
        out[k] = x[k] * mask[k]
