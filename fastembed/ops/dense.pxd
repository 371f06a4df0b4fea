"""Products of matrices for the other ops."""

from fastembed.kernels._variants cimport product

# c = a b on the pool: all fields but along_rows and scratch are set
cdef int multiply(product *p, int real) except -1 nogil
cdef double ns_of(const product *p, int real) noexcept nogil
