"""Gate functions on single numbers."""

from libc.math cimport exp, expf, tanh, tanhf

ctypedef fused real:
    float
    double


cdef inline real sigmoid(real x) noexcept nogil:
    if real is float:
        return 1 / (1 + expf(-x))
    else:
        return 1 / (1 + exp(-x))


cdef inline real tanh_(real x) noexcept nogil:
    if real is float:
        return tanhf(x)
    else:
        return tanh(x)
