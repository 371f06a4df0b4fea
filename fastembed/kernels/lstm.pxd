"""LSTM for Cython code: the functions below need no GIL and take C-ordered data.

Gate order f, g, i, o (forget, candidate, input, output), as in *Deep Learning from Scratch 2*.
"""

ctypedef fused real:
    float
    double


cdef void cell_forward(
    const real *x, const real *h_prev, const real *c_prev,
    const real *Wx, const real *Wh, const real *b,
    real *gates, real *h, real *c,
    Py_ssize_t N, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil

cdef void cell_backward(
    const real *dh, const real *dc,
    const real *x, const real *h_prev, const real *c_prev,
    const real *Wx, const real *Wh, const real *gates, const real *c,
    real *da, real *dx, real *dh_prev, real *dc_prev,
    real *dWx, real *dWh, real *db,
    Py_ssize_t N, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil
