"""Products of matrices for the other ops."""

from libc.stdint cimport int64_t

from fastembed.kernels._variants cimport product

# c = a b for arrays that fit; operands in any layout
cdef bint set_left(product *p, object a, int real) noexcept
cdef bint set_right(product *p, object b, int real) noexcept
cdef int multiply(product *p, int real) except -1 nogil
cdef double ns_of(const product *p, int real) noexcept nogil
