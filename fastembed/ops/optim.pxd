"""Zeroing, for the other ops."""

cpdef int zero_all(arrays) except -1
