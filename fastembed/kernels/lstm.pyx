"""One LSTM step for other Cython code, on the kernel for whole sequences (see lstm.pxd)."""

from libc.stdlib cimport abort, free, malloc
from libc.string cimport memset

from fastembed.kernels.simd cimport cell, cell_number, chosen, job, sizes

cdef int LSTM = cell_number("lstm")


cdef void cell_forward(
    const real *x, const real *h_prev, const real *c_prev,
    const real *Wx, const real *Wh, const real *b,
    real *gates, real *h, real *c,
    Py_ssize_t N, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    """c = f c_prev + g i,  h = o tanh(c)

    x               (N, D)   IN
    h_prev, c_prev  (N, H)   IN
    Wx, Wh, b       (D, 4H), (H, 4H), (4H,)  IN
    gates           (N, 4H)  OUT  f, g, i, o
    h, c            (N, H)   OUT
    """
    cdef job j
    cdef const cell *lstm = chosen.of[1 if real is double else 0].cells[LSTM]
    cdef void *memory = prepare(&j, lstm, sizeof(real), N, D, H)
    j.xs, j.Wx, j.Wh, j.b, j.h0, j.c0 = x, Wx, Wh, b, h_prev, c_prev
    j.hs, j.h, j.c = h, h, c
    if N * H > 0:
        lstm.forward(&j, 0, 0, 1)
        lstm.forward(&j, 1, 0, 1)
        lstm.give_gates(&j, j.saved, gates)
    free(memory)


cdef void cell_backward(
    const real *dh, const real *dc,
    const real *x, const real *h_prev, const real *c_prev,
    const real *Wx, const real *Wh, const real *gates, const real *c,
    real *da, real *dx, real *dh_prev, real *dc_prev,
    real *dWx, real *dWh, real *db,
    Py_ssize_t N, Py_ssize_t D, Py_ssize_t H,
) noexcept nogil:
    """Gradients of cell_forward; see there for the inputs

    dh, dc            (N, H)  IN   gradients of h and c
    gates, c          as cell_forward gave them  IN
    da                (N, 4H)  OUT  gradients before the gates
    dx                (N, D)  OUT
    dh_prev, dc_prev  (N, H)  OUT
    dWx, dWh, db      as Wx, Wh, b  OUT
    """
    cdef job j
    cdef const cell *lstm = chosen.of[1 if real is double else 0].cells[LSTM]
    cdef void *memory = prepare(&j, lstm, sizeof(real), N, D, H)
    cdef Py_ssize_t phase
    j.xs, j.Wx, j.Wh, j.h0, j.c0, j.c = x, Wx, Wh, h_prev, c_prev, <void *>c
    j.dhs, j.dc_last, j.dxs, j.dh, j.dc = dh, dc, dx, dh_prev, dc_prev
    j.dWx, j.dWh, j.db = dWx, dWh, db
    if N * H > 0:
        lstm.take_gates(&j, gates)
        for phase in range(3):
            lstm.backward(&j, phase, 0, 1)
        lstm.give_gates(&j, j.scratch, da)
    free(memory)


cdef void *prepare(
    job *j, const cell *lstm, size_t itemsize, Py_ssize_t N, Py_ssize_t D, Py_ssize_t H
) noexcept nogil:
    """Sizes and memory of one step; what it returns is to be freed."""
    cdef sizes s
    cdef size_t saved
    cdef char *memory
    memset(j, 0, sizeof(job))
    j.N, j.T, j.pitch, j.D, j.H, j.parts, j.keep = N, 1, 1, D, H, 1, True
    lstm.sizes(j, &s)
    saved = (s.saved * itemsize + 63) // 64 * 64
    memory = <char *>malloc(saved + max(s.forward, s.backward) * itemsize + 64)
    if memory == NULL:
        abort()  # the callers hold no GIL to raise with
    j.saved = <void *>((<size_t>memory + 63) & ~<size_t>63)
    j.scratch = <char *>j.saved + saved
    return memory
