"""GRU forward and backward over a whole sequence; gate order z, r, h_hat."""

from libc.string cimport memcpy, memset

cimport numpy as cnp

from fastembed.kernels._gates cimport sigmoid, tanh_
from fastembed.kernels._gemm cimport gemm

cnp.import_array()

ctypedef fused real:
    float
    double


cdef inline void *data(cnp.ndarray array) noexcept nogil:
    return cnp.PyArray_DATA(array)


cdef inline bint is_float(cnp.ndarray array) noexcept:
    return cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT32


cdef void _forward(
    const real *xs, const real *Wx, const real *Wh, const real *b,
    real *gates, real *h_prev, real *rh, real *hs, real *h,
    Py_ssize_t N, Py_ssize_t T, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    cdef Py_ssize_t n, t, j, row
    cdef real *a
    cdef real *p
    gemm(False, False, N * T, 3 * H, D, xs, D, Wx, 3 * H, <real>0, gates, 3 * H)
    for t in range(T):
        gemm(False, False, N, 2 * H, H, h_prev + t * H, T * H, Wh, 3 * H,
             <real>1, gates + t * 3 * H, T * 3 * H)
        for n in range(N):
            row = n * T + t
            a = gates + row * 3 * H
            for j in range(2 * H):
                a[j] = sigmoid(a[j] + b[j])
            for j in range(H):
                rh[row * H + j] = a[H + j] * h_prev[row * H + j]
        gemm(False, False, N, H, H, rh + t * H, T * H, Wh + 2 * H, 3 * H,
             <real>1, gates + t * 3 * H + 2 * H, T * 3 * H)
        for n in range(N):
            row = n * T + t
            a = gates + row * 3 * H
            p = h_prev + row * H
            for j in range(H):
                a[2 * H + j] = tanh_(a[2 * H + j] + b[2 * H + j])
                hs[row * H + j] = (1 - a[j]) * p[j] + a[j] * a[2 * H + j]
            if t + 1 < T:
                memcpy(p + H, hs + row * H, H * sizeof(real))
            else:
                memcpy(h + n * H, hs + row * H, H * sizeof(real))


cdef void _backward(
    const real *dhs, const real *xs, const real *Wx, const real *Wh,
    const real *gates, const real *h_prev, const real *rh,
    real *da, real *drh, real *dxs, real *dh, real *dWx, real *dWh, real *db,
    Py_ssize_t N, Py_ssize_t T, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    cdef Py_ssize_t n, t, j, row
    cdef const real *a
    cdef const real *p
    cdef real *d
    cdef real z, r, h_hat, d_h
    for t in range(T - 1, -1, -1):
        for n in range(N):
            row = n * T + t
            a = gates + row * 3 * H
            p = h_prev + row * H
            d = da + row * 3 * H
            for j in range(H):
                z, h_hat = a[j], a[2 * H + j]
                d_h = dh[n * H + j] + dhs[row * H + j]
                d[j] = d_h * (h_hat - p[j]) * z * (1 - z)
                d[2 * H + j] = d_h * z * (1 - h_hat * h_hat)
                dh[n * H + j] = d_h * (1 - z)
        gemm(False, True, N, H, H, da + t * 3 * H + 2 * H, T * 3 * H, Wh + 2 * H, 3 * H,
             <real>0, drh, H)
        for n in range(N):
            row = n * T + t
            a = gates + row * 3 * H
            p = h_prev + row * H
            for j in range(H):
                r = a[H + j]
                da[row * 3 * H + H + j] = drh[n * H + j] * p[j] * r * (1 - r)
                dh[n * H + j] += drh[n * H + j] * r
        gemm(False, True, N, H, 2 * H, da + t * 3 * H, T * 3 * H, Wh, 3 * H, <real>1, dh, H)
    gemm(False, True, N * T, D, 3 * H, da, 3 * H, Wx, 3 * H, <real>0, dxs, D)
    gemm(True, False, D, 3 * H, N * T, xs, D, da, 3 * H, <real>0, dWx, 3 * H)
    gemm(True, False, H, 2 * H, N * T, h_prev, H, da, 3 * H, <real>0, dWh, 3 * H)
    gemm(True, False, H, H, N * T, rh, H, da + 2 * H, 3 * H, <real>0, dWh + 2 * H, 3 * H)
    memset(db, 0, 3 * H * sizeof(real))
    for n in range(N * T):
        for j in range(3 * H):
            db[j] += da[n * 3 * H + j]


def forward(
    cnp.ndarray xs, cnp.ndarray Wx, cnp.ndarray Wh, cnp.ndarray b,
    cnp.ndarray gates, cnp.ndarray h_prev, cnp.ndarray rh, cnp.ndarray hs, cnp.ndarray h,
):
    """hs[n, t] = (1 - z) hs[n, t - 1] + z h_hat,  h_hat = tanh(x Wxh + (r hs[n, t - 1]) Whh + bh)

    xs      (N, T, D)   IN
    Wx      (D, 3H)     IN
    Wh      (H, 3H)     IN
    b       (3H,)       IN
    gates   (N, T, 3H)  OUT    z, r, h_hat after their functions
    h_prev  (N, T, H)   INOUT  h before each step; [:, 0] is given
    rh      (N, T, H)   OUT    r times h before each step
    hs      (N, T, H)   OUT
    h       (N, H)      INOUT  the last h; h0 is given
    All of one dtype, in C order. Unchecked: call ops.gru.
    """
    cdef Py_ssize_t N = xs.shape[0], T = xs.shape[1], D = xs.shape[2], H = h.shape[1]
    if is_float(xs):
        with nogil:
            _forward[float](
                <float *>data(xs), <float *>data(Wx), <float *>data(Wh), <float *>data(b),
                <float *>data(gates), <float *>data(h_prev), <float *>data(rh),
                <float *>data(hs), <float *>data(h), N, T, D, H,
            )
    else:
        with nogil:
            _forward[double](
                <double *>data(xs), <double *>data(Wx), <double *>data(Wh), <double *>data(b),
                <double *>data(gates), <double *>data(h_prev), <double *>data(rh),
                <double *>data(hs), <double *>data(h), N, T, D, H,
            )


def backward(
    cnp.ndarray dhs, cnp.ndarray xs, cnp.ndarray Wx, cnp.ndarray Wh,
    cnp.ndarray gates, cnp.ndarray h_prev, cnp.ndarray rh,
    cnp.ndarray da, cnp.ndarray drh, cnp.ndarray dxs, cnp.ndarray dh,
    cnp.ndarray dWx, cnp.ndarray dWh, cnp.ndarray db,
):
    """Gradients of forward; see there for its arrays.

    dhs  (N, T, H)   IN
    da   (N, T, 3H)  OUT    gradient before the gates
    drh  (N, H)      OUT    scratch
    dxs  (N, T, D)   OUT
    dh   (N, H)      INOUT  gradient of the last h; of h0 afterwards
    dWx  (D, 3H)     OUT
    dWh  (H, 3H)     OUT
    db   (3H,)       OUT
    All of one dtype, in C order. Unchecked: call ops.gru_backward.
    """
    cdef Py_ssize_t N = xs.shape[0], T = xs.shape[1], D = xs.shape[2], H = dh.shape[1]
    if is_float(xs):
        with nogil:
            _backward[float](
                <float *>data(dhs), <float *>data(xs), <float *>data(Wx), <float *>data(Wh),
                <float *>data(gates), <float *>data(h_prev), <float *>data(rh),
                <float *>data(da), <float *>data(drh), <float *>data(dxs), <float *>data(dh),
                <float *>data(dWx), <float *>data(dWh), <float *>data(db), N, T, D, H,
            )
    else:
        with nogil:
            _backward[double](
                <double *>data(dhs), <double *>data(xs), <double *>data(Wx), <double *>data(Wh),
                <double *>data(gates), <double *>data(h_prev), <double *>data(rh),
                <double *>data(da), <double *>data(drh), <double *>data(dxs), <double *>data(dh),
                <double *>data(dWx), <double *>data(dWh), <double *>data(db), N, T, D, H,
            )
