"""See _signature.pyx."""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

ctypedef PyObject *ref  # an argument, borrowed: no counting for a look at it

cdef enum:
    MOST = 8  # arguments, and lengths that have names
    AXES = 3  # of an argument, besides "..."

# lengths by number
ctypedef struct rule_of_array:
    int kind, layout, axes
    int leading  # the least number of axes that "..." stands for, -1 if it is not there
    int[AXES] length, factor, least


cdef class Signature:
    cdef dict rows
    cdef list inputs, places, results, order
    cdef int arrays, written, lengths
    cdef rule_of_array[MOST] rules
    # 0 if all fit as float32, 1 as float64, -1 if one does not; places, which follow the inputs,
    # are writable and lie apart. None is not looked at
    cdef int fits(self, const ref *arrays) noexcept


cdef inline tuple places_of(out):
    """What a caller gives as out, as a tuple."""
    return () if out is None else tuple(out) if isinstance(out, (tuple, list)) else (out,)
