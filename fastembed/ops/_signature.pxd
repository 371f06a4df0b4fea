"""See _signature.pyx."""

from cpython.ref cimport PyObject
from libc.stdint cimport int64_t

ctypedef PyObject *ref  # an argument, borrowed: no counting for a look at it

cdef enum:
    MOST = 9  # arguments, and lengths that have names
    AXES = 3  # of an argument, besides "..."

# lengths by number
ctypedef struct rule_of_array:
    int kind, layout, axes
    bint optional  # may be None
    int leading  # the least number of axes that "..." stands for, -1 if it is not there
    int[AXES] length, factor, least


cdef class Signature:
    cdef dict rows
    cdef list inputs, places, results, order
    cdef int arrays, written, lengths
    cdef rule_of_array[MOST] rules
    # 0 if all fit as float32, 1 as float64, -1 if one does not; places, which follow the inputs,
    # are writable and lie apart. None fits where it may be
    cdef int fits(self, const ref *arrays) noexcept


cdef inline tuple places(out, int count, int least=0):
    """So many places that a caller gives as out, all or none of them; he may leave off the last."""
    if out is None:
        return (None,) * count
    if not isinstance(out, (tuple, list)) or not (least or count) <= len(out) <= count:
        raise TypeError(f"out must be a tuple of {count} arrays, got {out!r:.80}")
    for place in out[:count]:
        if place is None:
            raise TypeError("out must be arrays, got None among them")
    return tuple(out) + (None,) * (count - len(out))


cdef inline tuple places_of(out):
    """What a caller gives as out, as a tuple."""
    return () if out is None else tuple(out) if isinstance(out, (tuple, list)) else (out,)
