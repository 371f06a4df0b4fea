"""Sums and labels of losses, for the other ops."""

from libc.stdint cimport int64_t

# the sum of n numbers, in an order that depends on n alone
cdef double sum_of(const double *x, int64_t n) noexcept nogil
# whether labels are exact 0 and 1 in an array that fits; their bytes go to out
cdef bint are_bits(object labels) noexcept
cdef bint read_bits(object labels, unsigned char *out) except -1
