"""Scratch memory for Cython code."""


cdef class Memory:
    cdef void *block  # what malloc gave
    cdef size_t size
    cdef char *start  # at a cache line


cdef Memory take(size_t nbytes)
