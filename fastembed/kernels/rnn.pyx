"""Plain recurrent network (tanh) forward and backward over a whole sequence."""

from libc.string cimport memcpy, memset

cimport numpy as cnp

from fastembed.kernels._gates cimport tanh_
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
    real *h_prev, real *last, real *hs, real *h,
    Py_ssize_t N, Py_ssize_t T, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    cdef Py_ssize_t n, t, j
    cdef real *a
    gemm(False, False, N * T, H, D, xs, D, Wx, H, <real>0, hs, H)
    for t in range(T):
        gemm(False, False, N, H, H, h_prev + t * H, T * H, Wh, H, <real>1, hs + t * H, T * H)
        for n in range(N):
            a = hs + (n * T + t) * H
            for j in range(H):
                a[j] = tanh_(a[j] + b[j])
            if t + 1 < T:
                memcpy(h_prev + (n * T + t + 1) * H, a, H * sizeof(real))
            else:
                memcpy(h + n * H, a, H * sizeof(real))
                memcpy(last + n * H, a, H * sizeof(real))


cdef void _backward(
    const real *dhs, const real *xs, const real *Wx, const real *Wh,
    const real *h_prev, const real *last, real *da, real *dxs, real *dh,
    real *dWx, real *dWh, real *db,
    Py_ssize_t N, Py_ssize_t T, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    cdef Py_ssize_t n, t, j, row
    cdef const real *out
    for t in range(T - 1, -1, -1):
        for n in range(N):
            row = n * T + t
            out = h_prev + (row + 1) * H if t + 1 < T else last + n * H
            for j in range(H):
                da[row * H + j] = (dh[n * H + j] + dhs[row * H + j]) * (1 - out[j] * out[j])
        gemm(False, True, N, H, H, da + t * H, T * H, Wh, H, <real>0, dh, H)
    gemm(False, True, N * T, D, H, da, H, Wx, H, <real>0, dxs, D)
    gemm(True, False, D, H, N * T, xs, D, da, H, <real>0, dWx, H)
    gemm(True, False, H, H, N * T, h_prev, H, da, H, <real>0, dWh, H)
    memset(db, 0, H * sizeof(real))
    for n in range(N * T):
        for j in range(H):
            db[j] += da[n * H + j]


def forward(
    cnp.ndarray xs, cnp.ndarray Wx, cnp.ndarray Wh, cnp.ndarray b,
    cnp.ndarray h_prev, cnp.ndarray last, cnp.ndarray hs, cnp.ndarray h,
):
    """hs[n, t] = tanh(xs[n, t] Wx + hs[n, t - 1] Wh + b)

    xs      (N, T, D)  IN
    Wx      (D, H)     IN
    Wh      (H, H)     IN
    b       (H,)       IN
    h_prev  (N, T, H)  INOUT  h before each step; [:, 0] is given
    last    (N, H)     OUT    the last h, for backward
    hs      (N, T, H)  OUT
    h       (N, H)     INOUT  the last h; h0 is given
    All of one dtype, in C order. Unchecked: call ops.rnn.
    """
    cdef Py_ssize_t N = xs.shape[0], T = xs.shape[1], D = xs.shape[2], H = h.shape[1]
    if is_float(xs):
        with nogil:
            _forward[float](
                <float *>data(xs), <float *>data(Wx), <float *>data(Wh), <float *>data(b),
                <float *>data(h_prev), <float *>data(last), <float *>data(hs), <float *>data(h),
                N, T, D, H,
            )
    else:
        with nogil:
            _forward[double](
                <double *>data(xs), <double *>data(Wx), <double *>data(Wh), <double *>data(b),
                <double *>data(h_prev), <double *>data(last), <double *>data(hs),
                <double *>data(h), N, T, D, H,
            )


def backward(
    cnp.ndarray dhs, cnp.ndarray xs, cnp.ndarray Wx, cnp.ndarray Wh,
    cnp.ndarray h_prev, cnp.ndarray last, cnp.ndarray da, cnp.ndarray dxs, cnp.ndarray dh,
    cnp.ndarray dWx, cnp.ndarray dWh, cnp.ndarray db,
):
    """Gradients of forward; see there for its arrays.

    dhs  (N, T, H)  IN
    da   (N, T, H)  OUT    gradient before tanh
    dxs  (N, T, D)  OUT
    dh   (N, H)     INOUT  gradient of the last h; of h0 afterwards
    dWx  (D, H)     OUT
    dWh  (H, H)     OUT
    db   (H,)       OUT
    All of one dtype, in C order. Unchecked: call ops.rnn_backward.
    """
    cdef Py_ssize_t N = xs.shape[0], T = xs.shape[1], D = xs.shape[2], H = dh.shape[1]
    if is_float(xs):
        with nogil:
            _backward[float](
                <float *>data(dhs), <float *>data(xs), <float *>data(Wx), <float *>data(Wh),
                <float *>data(h_prev), <float *>data(last), <float *>data(da), <float *>data(dxs),
                <float *>data(dh), <float *>data(dWx), <float *>data(dWh), <float *>data(db),
                N, T, D, H,
            )
    else:
        with nogil:
            _backward[double](
                <double *>data(dhs), <double *>data(xs), <double *>data(Wx), <double *>data(Wh),
                <double *>data(h_prev), <double *>data(last), <double *>data(da),
                <double *>data(dxs), <double *>data(dh), <double *>data(dWx),
                <double *>data(dWh), <double *>data(db), N, T, D, H,
            )
