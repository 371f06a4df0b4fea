"""The pool for Cython code: share slices out, or run phases that follow each other.

Functions and arguments are C; the GIL is not needed. Both return -1, with an exception set, if a
signal handler raised one while a long call ran: the work is then unfinished.
"""

from libc.stdint cimport int64_t

ctypedef void (*slice_function)(
    const void *args, int64_t lo, int64_t hi, int64_t member
) noexcept nogil
ctypedef void (*phase_function)(
    const void *args, int64_t phase, int64_t part, int64_t parts
) noexcept nogil

cdef int share(
    slice_function run, const void *args, int64_t n, int64_t grain, double ns
) except -1 nogil
cdef int share_gil(
    slice_function run, const void *args, int64_t n, int64_t grain, double ns
) except -1
cdef int share_among(
    int members, slice_function run, const void *args, int64_t n, int64_t grain, double ns
) except -1 nogil
cdef int run_phases(
    phase_function run, const void *args, int64_t phases, int64_t parts
) except -1 nogil
cdef int members_for(double ns) noexcept nogil
