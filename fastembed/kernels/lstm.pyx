"""LSTM forward and backward over a whole sequence; one product for x Wx over all steps."""

from libc.string cimport memcpy, memset

cimport numpy as cnp

from fastembed.kernels._gates cimport sigmoid, tanh_
from fastembed.kernels._gemm cimport gemm

from fastembed.kernels._variants import isa  # noqa: F401

cnp.import_array()


cdef inline void *data(cnp.ndarray array) noexcept nogil:
    return cnp.PyArray_DATA(array)


cdef inline bint is_float(cnp.ndarray array) noexcept nogil:
    return cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT32


# ---- one step, pointwise

cdef void gates_forward(
    real *a, const real *b, const real *c_prev, real *c, real *h, Py_ssize_t H
) noexcept nogil:
    """The gates of one row: a (4H,) holds x Wx + h Wh and becomes f, g, i, o."""
    cdef Py_ssize_t j
    for j in range(H):
        a[j] = sigmoid(a[j] + b[j])
        a[H + j] = tanh_(a[H + j] + b[H + j])
        a[2 * H + j] = sigmoid(a[2 * H + j] + b[2 * H + j])
        a[3 * H + j] = sigmoid(a[3 * H + j] + b[3 * H + j])
        c[j] = a[j] * c_prev[j] + a[H + j] * a[2 * H + j]
        h[j] = a[3 * H + j] * tanh_(c[j])


cdef void gates_backward(
    const real *dh, real *dc, const real *gates, const real *c_prev, const real *c,
    real *da, Py_ssize_t H,
) noexcept nogil:
    """Gradients through the gates of one row; dc becomes the gradient of c_prev."""
    cdef Py_ssize_t j
    cdef real f, g, i, o, tanh_c, ds
    for j in range(H):
        f, g, i, o = gates[j], gates[H + j], gates[2 * H + j], gates[3 * H + j]
        tanh_c = tanh_(c[j])
        ds = dc[j] + dh[j] * o * (1 - tanh_c * tanh_c)
        da[j] = ds * c_prev[j] * f * (1 - f)
        da[H + j] = ds * i * (1 - g * g)
        da[2 * H + j] = ds * g * i * (1 - i)
        da[3 * H + j] = dh[j] * tanh_c * o * (1 - o)
        dc[j] = ds * f


# ---- one cell, for other Cython code

cdef void cell_forward(
    const real *x, const real *h_prev, const real *c_prev,
    const real *Wx, const real *Wh, const real *b,
    real *gates, real *h, real *c,
    Py_ssize_t N, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    """One LSTM step of a batch.

    x (N, D), h_prev, c_prev (N, H), Wx (D, 4H), Wh (H, 4H), b (4H,)  IN
    gates (N, 4H), h, c (N, H)                                        OUT
    gates is what cell_backward needs; h and c may be h_prev and c_prev.
    """
    cdef Py_ssize_t n
    gemm(False, False, N, 4 * H, D, x, D, Wx, 4 * H, <real>0, gates, 4 * H)
    gemm(False, False, N, 4 * H, H, h_prev, H, Wh, 4 * H, <real>1, gates, 4 * H)
    for n in range(N):
        gates_forward(gates + n * 4 * H, b, c_prev + n * H, c + n * H, h + n * H, H)


cdef void cell_backward(
    const real *dh, const real *dc,
    const real *x, const real *h_prev, const real *c_prev,
    const real *Wx, const real *Wh, const real *gates, const real *c,
    real *da, real *dx, real *dh_prev, real *dc_prev,
    real *dWx, real *dWh, real *db,
    Py_ssize_t N, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    """Gradients of one LSTM step of a batch.

    dh, dc (N, H), and the arguments and results of cell_forward      IN
    da (N, 4H)  scratch: the gradient before the gates                OUT
    dx (N, D), dh_prev, dc_prev (N, H), dWx, dWh, db                  OUT
    dWx, dWh and db are overwritten.
    """
    cdef Py_ssize_t n, j
    for n in range(N):
        if dc_prev != dc:
            memcpy(dc_prev + n * H, dc + n * H, H * sizeof(real))
        gates_backward(
            dh + n * H, dc_prev + n * H, gates + n * 4 * H, c_prev + n * H, c + n * H,
            da + n * 4 * H, H,
        )
    gemm(False, True, N, H, 4 * H, da, 4 * H, Wh, 4 * H, <real>0, dh_prev, H)
    gradients(x, h_prev, Wx, da, dx, dWx, dWh, db, N, D, H)


cdef void gradients(
    const real *x, const real *h_prev, const real *Wx, const real *da,
    real *dx, real *dWx, real *dWh, real *db, Py_ssize_t rows, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    """dx, dWx, dWh and db as single products over all rows of da."""
    cdef Py_ssize_t n, j
    gemm(False, True, rows, D, 4 * H, da, 4 * H, Wx, 4 * H, <real>0, dx, D)
    gemm(True, False, D, 4 * H, rows, x, D, da, 4 * H, <real>0, dWx, 4 * H)
    gemm(True, False, H, 4 * H, rows, h_prev, H, da, 4 * H, <real>0, dWh, 4 * H)
    memset(db, 0, 4 * H * sizeof(real))
    for n in range(rows):
        for j in range(4 * H):
            db[j] += da[n * 4 * H + j]


# ---- sequences

cdef void _forward(
    const real *xs, const real *Wx, const real *Wh, const real *b,
    real *gates, real *h_prev, real *cells, real *hs, real *h, real *c,
    Py_ssize_t N, Py_ssize_t T, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    cdef Py_ssize_t n, t, row
    gemm(False, False, N * T, 4 * H, D, xs, D, Wx, 4 * H, <real>0, gates, 4 * H)
    for t in range(T):
        gemm(False, False, N, 4 * H, H, h_prev + t * H, T * H, Wh, 4 * H,
             <real>1, gates + t * 4 * H, T * 4 * H)
        for n in range(N):
            row = n * T + t
            gates_forward(
                gates + row * 4 * H, b, cells + (row + n) * H, cells + (row + n + 1) * H,
                hs + row * H, H,
            )
            if t + 1 < T:
                memcpy(h_prev + (row + 1) * H, hs + row * H, H * sizeof(real))
    for n in range(N):
        memcpy(c + n * H, cells + (n * (T + 1) + T) * H, H * sizeof(real))
        if T > 0:
            memcpy(h + n * H, hs + (n * T + T - 1) * H, H * sizeof(real))


cdef void _backward(
    const real *dhs, const real *xs, const real *Wx, const real *Wh,
    const real *gates, const real *h_prev, const real *cells,
    real *da, real *dxs, real *dh, real *dc, real *dWx, real *dWh, real *db,
    Py_ssize_t N, Py_ssize_t T, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    cdef Py_ssize_t n, t, j, row
    for t in range(T - 1, -1, -1):
        for n in range(N):
            row = n * T + t
            for j in range(H):
                dh[n * H + j] += dhs[row * H + j]
            gates_backward(
                dh + n * H, dc + n * H, gates + row * 4 * H,
                cells + (row + n) * H, cells + (row + n + 1) * H, da + row * 4 * H, H,
            )
        gemm(False, True, N, H, 4 * H, da + t * 4 * H, T * 4 * H, Wh, 4 * H, <real>0, dh, H)
    gradients(xs, h_prev, Wx, da, dxs, dWx, dWh, db, N * T, D, H)


def forward(
    cnp.ndarray xs, cnp.ndarray Wx, cnp.ndarray Wh, cnp.ndarray b,
    cnp.ndarray gates, cnp.ndarray h_prev, cnp.ndarray cells,
    cnp.ndarray hs, cnp.ndarray h, cnp.ndarray c,
):
    """hs[n, t] = o tanh(c[t]),  c[t] = f c[t - 1] + g i,  all T steps

    xs      (N, T, D)      IN
    Wx      (D, 4H)        IN
    Wh      (H, 4H)        IN
    b       (4H,)          IN
    gates   (N, T, 4H)     OUT    f, g, i, o after their functions
    h_prev  (N, T, H)      INOUT  h before each step; [:, 0] is given
    cells   (N, T + 1, H)  INOUT  c before each step and after the last; [:, 0] is given
    hs      (N, T, H)      OUT
    h       (N, H)         INOUT  the last h; h0 is given
    c       (N, H)         OUT    the last c
    All of one dtype, in C order. Unchecked: call ops.lstm.
    """
    cdef Py_ssize_t N = xs.shape[0], T = xs.shape[1], D = xs.shape[2], H = h.shape[1]
    if is_float(xs):
        with nogil:
            _forward[float](
                <float *>data(xs), <float *>data(Wx), <float *>data(Wh), <float *>data(b),
                <float *>data(gates), <float *>data(h_prev), <float *>data(cells),
                <float *>data(hs), <float *>data(h), <float *>data(c), N, T, D, H,
            )
    else:
        with nogil:
            _forward[double](
                <double *>data(xs), <double *>data(Wx), <double *>data(Wh), <double *>data(b),
                <double *>data(gates), <double *>data(h_prev), <double *>data(cells),
                <double *>data(hs), <double *>data(h), <double *>data(c), N, T, D, H,
            )


def backward(
    cnp.ndarray dhs, cnp.ndarray xs, cnp.ndarray Wx, cnp.ndarray Wh,
    cnp.ndarray gates, cnp.ndarray h_prev, cnp.ndarray cells,
    cnp.ndarray da, cnp.ndarray dxs, cnp.ndarray dh, cnp.ndarray dc,
    cnp.ndarray dWx, cnp.ndarray dWh, cnp.ndarray db,
):
    """Gradients of forward; see there for its arrays.

    dhs     (N, T, H)   IN
    da      (N, T, 4H)  OUT    gradient before the gates
    dxs     (N, T, D)   OUT
    dh, dc  (N, H)      INOUT  gradient of the last h and c; of h0 and c0 afterwards
    dWx     (D, 4H)     OUT
    dWh     (H, 4H)     OUT
    db      (4H,)       OUT
    All of one dtype, in C order. Unchecked: call ops.lstm_backward.
    """
    cdef Py_ssize_t N = xs.shape[0], T = xs.shape[1], D = xs.shape[2], H = dh.shape[1]
    if is_float(xs):
        with nogil:
            _backward[float](
                <float *>data(dhs), <float *>data(xs), <float *>data(Wx), <float *>data(Wh),
                <float *>data(gates), <float *>data(h_prev), <float *>data(cells),
                <float *>data(da), <float *>data(dxs), <float *>data(dh), <float *>data(dc),
                <float *>data(dWx), <float *>data(dWh), <float *>data(db), N, T, D, H,
            )
    else:
        with nogil:
            _backward[double](
                <double *>data(dhs), <double *>data(xs), <double *>data(Wx), <double *>data(Wh),
                <double *>data(gates), <double *>data(h_prev), <double *>data(cells),
                <double *>data(da), <double *>data(dxs), <double *>data(dh), <double *>data(dc),
                <double *>data(dWx), <double *>data(dWh), <double *>data(db), N, T, D, H,
            )
