"""Softmax, sums and labels of losses, for the other ops."""

from libc.stdint cimport int64_t

# y = softmax(x), dx = its gradient, over the last axis; x and y, or dout and dx, may be the same
cdef int softmax_into(int real, x, y) except -1
cdef int softmax_backward_into(int real, dout, y, dx) except -1
# the sum of n numbers, in an order that depends on n alone
cdef double sum_of(const double *x, int64_t n) noexcept nogil
# copy the bytes of labels 0 and 1, an array that fits; False if one is neither
cdef bint read_bits(object labels, unsigned char *out) except -1
