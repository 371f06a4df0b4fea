"""Products of matrices for the other ops."""

from libc.stdint cimport int64_t

from fastembed.kernels.simd cimport product

# a matrix of numbers anywhere in memory: how far apart its rows and columns are, in numbers
ctypedef struct grid:
    void *data
    int64_t rows, columns, row, col


cdef inline grid turned(grid g) noexcept nogil:
    g.rows, g.columns = g.columns, g.rows
    g.row, g.col = g.col, g.row
    return g


cdef bint as_grid(object x, grid *g) noexcept
cdef void set_operands(product *p, grid a, grid b) noexcept nogil
cdef bint set_result(product *p, grid c) noexcept nogil
cdef void sum_rows(product *p, grid of, int real, void *out) noexcept nogil
# on the pool; all fields but along_rows and scratch are set
cdef int multiply(product *p, int real) except -1 nogil
cdef double ns_of(const product *p, int real) noexcept nogil
