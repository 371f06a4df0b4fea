"""Gradients added to groups of rows, for the other ops."""

from libc.stdint cimport int64_t

from fastembed.ops._fit cimport matrix, vector
from fastembed.runtime.pool cimport slice_function

cdef enum:
    GROUPED = 1 << 18  # of fewer bytes, what is written stays in the cache of one core: no groups

# what embedding.group finds, and kernels that add to groups
ctypedef struct scatter_args:
    vector idx
    matrix dout, dW
    int64_t zero, shift
    vector order, starts

# fills order and starts
cdef int in_groups(scatter_args *args, slice_function add, int64_t row_bytes, double ns) except -1
