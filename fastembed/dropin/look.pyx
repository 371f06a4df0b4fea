"""What is asked at every call: compiled, since in Python it takes as long as a small layer's work.

Each answer is a quick yes. Where one is no, Python code asks again and finds the reason, or that
there is none.
"""

import sys
import warnings

import numpy as np

cimport numpy as cnp
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

cnp.import_array()

cdef extern from "Python.h":
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    PyObject *PyFunction_GetCode(object)
    PyObject *PyFunction_GetDefaults(object)
    ctypedef struct PyTypeObject:
        unsigned int tp_version_tag  # another one after each change to the class or to its bases

MISSING = object()

# ---- names and classes

cdef inline unsigned int version(object cls) noexcept:
    return (<PyTypeObject *>cls).tp_version_tag


cdef class Look:
    """Whether an object's class, and what names and functions mean, are as when code was read.

    Parameters
    ----------
    leans : iterable of (dict or class, name, value)
        Value is `MISSING` for a name that is not there.
    functions : list of functions
    own : iterable of str
        What an object must not have in its ``__dict__``.
    """

    cdef list spaces, names, values, classes, versions, functions, codes, defaults
    cdef tuple own
    cdef dict admitted

    def __init__(self, leans, functions, own):
        modules = [lean for lean in leans if type(lean[0]) is dict]
        self.spaces, self.names, self.values = [[lean[k] for lean in modules] for k in range(3)]
        self.classes = list({lean[0]: None for lean in leans if type(lean[0]) is not dict})
        self.functions, self.own, self.admitted = functions, tuple(own), {}
        self.note()

    cdef note(self):
        self.versions = [version(cls) for cls in self.classes]
        self.codes = [function.__code__ for function in self.functions]
        self.defaults = [function.__defaults__ for function in self.functions]

    def admit(self, cls):
        """Note that all is fine as it is now, and objects of a class, too."""
        self.note()
        self.admitted[cls] = version(cls)

    def at(self, instance, own):
        """Whether a call for an object, None for a function's, finds what was read."""
        cdef unsigned int now
        cdef Py_ssize_t k
        cdef PyObject *found
        if instance is not None:
            now = version(type(instance))
            if now == 0 or self.admitted.get(type(instance)) != now:
                return False
            for name in self.own:
                if name in <dict>own:
                    return False
        for k in range(len(self.names)):
            found = PyDict_GetItemWithError(self.spaces[k], self.names[k])
            if found == NULL:
                found = <PyObject *>MISSING
            if found != <PyObject *>self.values[k]:
                return False
        for k in range(len(self.classes)):
            if self.versions[k] == 0 or version(self.classes[k]) != <unsigned int>self.versions[k]:
                return False
        for k in range(len(self.functions)):
            if PyFunction_GetCode(self.functions[k]) != <PyObject *>self.codes[k]:
                return False
            found = PyFunction_GetDefaults(self.functions[k])
            if found == NULL:
                found = <PyObject *>None
            if found != <PyObject *>self.defaults[k]:
                return False
        return True


# ---- what arrays hold

cdef enum:
    WHOLE = 1 << 20  # bytes of an array all of which are looked at; of a larger one, some words
    SOME = 256


cdef inline uint64_t stirred(uint64_t h, const char *data) noexcept:
    """A number into which a word of 8 bytes has gone."""
    cdef uint64_t word
    memcpy(&word, data, 8)
    h = (h ^ word) * <uint64_t>0x9E3779B97F4A7C15
    return h ^ (h >> 29)


cdef uint64_t words(const char *data, Py_ssize_t count, Py_ssize_t step) noexcept:
    """A number for so many words of 8 bytes, each a step of bytes after the last."""
    cdef uint64_t a = 1, b = 2, c = 3, d = 4  # side by side: a product is long in coming
    cdef Py_ssize_t k
    for k in range(count // 4):
        a = stirred(a, data)
        b = stirred(b, data + step)
        c = stirred(c, data + 2 * step)
        d = stirred(d, data + 3 * step)
        data += 4 * step
    for k in range(count % 4):
        a = stirred(a, data + k * step)
    return a ^ (b * 3) ^ (c * 5) ^ (d * 7)


def digest(list values):
    """Numbers for the contents of arrays, to tell later whether one was written into."""
    cdef Py_ssize_t bytes_, step
    cdef uint64_t end, h
    cdef const char *data
    found = []
    for x in values:
        if not cnp.PyArray_Check(x) or cnp.PyArray_SIZE(<cnp.ndarray>x) == 0:
            continue
        if not (cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>x) or cnp.PyArray_IS_F_CONTIGUOUS(<cnp.ndarray>x)):
            x = np.array(x) if cnp.PyArray_NBYTES(<cnp.ndarray>x) <= WHOLE else x.flat[:: x.size // SOME]
        bytes_, data = cnp.PyArray_NBYTES(<cnp.ndarray>x), <const char *>cnp.PyArray_DATA(<cnp.ndarray>x)
        step = 8 if bytes_ <= WHOLE else bytes_ // (8 * SOME) * 8
        h, end = words(data, bytes_ // step if bytes_ >= 8 else 0, step), 0
        if bytes_ & 7:
            memcpy(&end, data + (bytes_ & ~7), bytes_ & 7)
        found.append(h ^ end)
    return found


# ---- what a call is like

cdef inline Py_ssize_t mixed(Py_ssize_t key, Py_ssize_t part) noexcept:
    return (key ^ part) * <Py_ssize_t>0x100000001B3 + (key >> 29)


cdef Py_ssize_t kind_of(object x, Py_ssize_t key) except? -1:
    cdef int k
    if cnp.PyArray_CheckExact(x):
        key = mixed(key, 1000 + cnp.PyArray_TYPE(<cnp.ndarray>x))
        for k in range(cnp.PyArray_NDIM(<cnp.ndarray>x)):
            key = mixed(key, cnp.PyArray_DIM(<cnp.ndarray>x, k))
        return mixed(key, 1001)
    if type(x) is list and x and cnp.PyArray_CheckExact((<list>x)[0]):
        for part in <list>x:
            key = kind_of(part, key)
        return mixed(key, 1002)
    if type(x) is bool or type(x) is int or x is None:
        return mixed(key, hash(x) + 7)
    return mixed(key, hash(type(x)))


def kind(instance, tuple reads, tuple given):
    """A number for shapes and dtypes of arguments, their other values where they are plain, and flags."""
    cdef Py_ssize_t key = 0
    for x in given:
        key = kind_of(x, key)
    for name in reads:
        x = getattr(instance, name)
        key = mixed(key, (2 if x else 3) if type(x) is bool else 5 if x is None else 4)
    return key


def carry(source, target, tuple names):
    """Set attributes of one object to those of another."""
    for name in names:
        setattr(target, name, getattr(source, name))


# ---- NumPy's error state, warnings, debuggers

_USUAL = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
_MORE = ("raise", "call", "print", "log")
_error_state = np._core.umath._extobj_contextvar.get  # another object after each np.seterr
_gettrace = sys.gettrace
_get_tool = sys.monitoring.get_tool if sys.version_info >= (3, 12) else None  # 0 debugs, 1 covers

cdef object _state = None, _first = None
cdef Py_ssize_t _count = -1
cdef bint _answer = False


def asks_for_more():
    """Whether floating-point errors, or warnings of them, do more than by default, or somebody
    follows the program line by line."""
    global _state, _first, _count, _answer
    if _gettrace() is not None or (_get_tool is not None and (_get_tool(0) or _get_tool(1))):
        return True
    filters = warnings.filters
    state = _error_state()
    first = filters[0] if filters else None
    if state is not _state or len(filters) != _count or first is not _first:
        errors = np.geterr()
        _answer = errors != _USUAL and (
            "warn" in errors["under"] or any([action in _MORE for action in errors.values()])
        )
        _answer = _answer or _asks(filters)
        _state, _first, _count = state, first, len(filters)
    return _answer


cdef bint _asks(filters) except -1:
    """Whether any filter of such warnings, up to one of all of them, does more than by default."""
    for action, message, category, module, line in filters:
        if issubclass(RuntimeWarning, category):
            if action in ("error", "always", "all"):
                return True
            if not (message or module or line):
                return False
    return False
