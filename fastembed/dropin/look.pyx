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
from libc.string cimport memcmp, memcpy

cnp.import_array()

cdef extern from "Python.h":
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    PyObject *PyFunction_GetCode(object)
    PyObject *PyFunction_GetDefaults(object)
    PyObject *PyFunction_GetKwDefaults(object)
    ctypedef struct PyTypeObject:
        unsigned int tp_version_tag  # another one after each change to the class or to its bases

MISSING = object()

# ---- names and classes

cdef inline unsigned int version(object cls) noexcept:
    return (<PyTypeObject *>cls).tp_version_tag


cdef class Names:
    """What names of modules and classes mean, and what functions do.

    Parameters
    ----------
    leans : list of (dict or class, name, value)
        Value is `MISSING` for a name that is not there.
    functions : list of functions
    """

    cdef list spaces, names, values, classes, versions, functions, codes, defaults

    def __init__(self, leans, functions):
        modules = [lean for lean in leans if type(lean[0]) is dict]
        self.spaces, self.names, self.values = [[lean[k] for lean in modules] for k in range(3)]
        self.classes = list({id(lean[0]): lean[0] for lean in leans if type(lean[0]) is not dict}.values())
        self.versions = [version(cls) for cls in self.classes]
        self.functions = list(functions)
        self.codes = [function.__code__ for function in functions]
        self.defaults = [function.__defaults__ for function in functions]

    cdef bint same(self) except -1:
        cdef Py_ssize_t k
        cdef PyObject *found
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


cdef class Look:
    """Whether an object's class and names are as they were when its code was read.

    Parameters
    ----------
    names : Names
    own : iterable of str
        What an object must not have in its ``__dict__``.
    """

    cdef Names names
    cdef tuple own
    cdef dict classes

    def __init__(self, Names names, own):
        self.names, self.own, self.classes = names, tuple(own), {}

    def renew(self, Names names):
        self.names = names

    def admit(self, cls):
        """Note that objects of a class are fine, until it changes."""
        self.classes[cls] = version(cls)

    def at(self, instance, own):
        """Whether a call for an object, None for a function's, finds what was read."""
        cdef unsigned int now
        if instance is not None:
            now = version(type(instance))
            if now == 0 or self.classes.get(type(instance)) != now:
                return False
            for name in self.own:
                if name in <dict>own:
                    return False
        return self.names.same()


# ---- arrays

cdef inline bint is_float(object x) noexcept:
    """An ndarray of float32, of native byte order, that is not empty."""
    return (
        cnp.PyArray_CheckExact(x)
        and cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.NPY_FLOAT32
        and cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>x)
        and cnp.PyArray_SIZE(<cnp.ndarray>x) > 0
    )


cdef inline bint are_ids(object x) noexcept:
    cdef int kind
    if not cnp.PyArray_CheckExact(x) or not cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray>x):
        return False
    kind = cnp.PyArray_TYPE(<cnp.ndarray>x)
    return (kind == cnp.NPY_INT64 or kind == cnp.NPY_INT32) and cnp.PyArray_SIZE(<cnp.ndarray>x) > 0


cdef inline bint alike(object x, object y) noexcept:
    """Whether two arrays have the same shape."""
    cdef int ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    return ndim == cnp.PyArray_NDIM(<cnp.ndarray>y) and memcmp(
        cnp.PyArray_DIMS(<cnp.ndarray>x), cnp.PyArray_DIMS(<cnp.ndarray>y), ndim * sizeof(cnp.npy_intp)
    ) == 0


cdef inline bint is_ones_own(object x) noexcept:
    """Whether an array may be written into, and its memory is its own."""
    return cnp.PyArray_ISWRITEABLE(<cnp.ndarray>x) and cnp.PyArray_BASE(<cnp.ndarray>x) == NULL


cpdef bint floats(object x, int ndim) except -1:
    """Whether x is a plain float32 ndarray, with so many axes unless ndim is -1."""
    return is_float(x) and (ndim < 0 or cnp.PyArray_NDIM(<cnp.ndarray>x) == ndim)


cpdef bint ids(object x, int ndim) except -1:
    """Whether x is a plain ndarray of int32 or int64."""
    return are_ids(x) and (ndim < 0 or cnp.PyArray_NDIM(<cnp.ndarray>x) == ndim)


cpdef bint has_shape(object x, tuple shape) except -1:
    """Whether x is a plain float32 ndarray of a shape."""
    cdef int k
    if not is_float(x) or cnp.PyArray_NDIM(<cnp.ndarray>x) != len(shape):
        return False
    for k in range(len(shape)):
        if cnp.PyArray_DIM(<cnp.ndarray>x, k) != <cnp.npy_intp>shape[k]:
            return False
    return True


cpdef bint params(object first, object second, tuple ndims) except -1:
    """Whether lists of parameters and of their gradients are plain float32 arrays with these axes."""
    cdef Py_ssize_t k, count = len(ndims)
    if type(first) is not list or type(second) is not list:
        return False
    if len(<list>first) != count or len(<list>second) != count:
        return False
    for k in range(count):
        param, grad = (<list>first)[k], (<list>second)[k]
        if not (is_float(param) and is_float(grad) and alike(param, grad)):
            return False
        if cnp.PyArray_NDIM(<cnp.ndarray>param) != <int>ndims[k]:
            return False
        if not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>grad):
            return False
    return True


cpdef bint pairs(object first, object second) except -1:
    """Whether two lists are of float32 arrays alike, each of its own memory, to be written into."""
    cdef Py_ssize_t k
    if type(first) is not list or type(second) is not list or len(<list>first) != len(<list>second):
        return False
    for k in range(len(<list>first)):
        x, y = (<list>first)[k], (<list>second)[k]
        if x is y or not (is_float(x) and is_float(y) and alike(x, y)):
            return False
        if not (is_ones_own(x) and cnp.PyArray_BASE(<cnp.ndarray>y) == NULL):
            return False
    return True


def same_ids(cnp.ndarray a, cnp.ndarray b):
    """Whether two arrays of ids are equal."""
    if cnp.PyArray_TYPE(a) == cnp.PyArray_TYPE(b) and alike(a, b):
        if cnp.PyArray_IS_C_CONTIGUOUS(a) and cnp.PyArray_IS_C_CONTIGUOUS(b):
            return memcmp(cnp.PyArray_DATA(a), cnp.PyArray_DATA(b), cnp.PyArray_NBYTES(a)) == 0
    return np.array_equal(a, b)


cdef class Fit:
    """Whether a call is plainly one that ours takes.

    Parameters
    ----------
    plain : bool
        Whether the rest says so; else all calls are asked about in Python.
    ndims : tuple of int, or None
        Axes of the parameters, if there are any.
    inputs : list of (whether they are ids, axes or None)
    settings : list of (name, type, check)
        Each check returns None if the value is one, which those of the type are.
    lists : list of str, or None
        For an update of parameters: what else holds a list of arrays like them.
    also : callable or None
        Another check, of the object and all arguments.
    copied : tuple of str
        Attributes that must be there.
    """

    cdef bint plain
    cdef tuple ndims, copied
    cdef list inputs, settings, lists
    cdef object also

    def __init__(self, plain, ndims, inputs, settings, lists, also, copied):
        self.plain, self.ndims, self.inputs, self.settings = plain, ndims, inputs, settings
        self.lists, self.also, self.copied = lists, also, copied

    def takes(self, instance, tuple given):
        cdef Py_ssize_t k
        if not self.plain or len(given) < len(self.inputs):
            return False
        for name in self.copied:
            if not hasattr(instance, name):
                return False
        if self.ndims is not None and not params(instance.params, instance.grads, self.ndims):
            return False
        for k in range(len(self.inputs)):
            are, ndim = self.inputs[k]
            x = given[k]
            if not (are_ids(x) if are else is_float(x)):
                return False
            if ndim is not None and cnp.PyArray_NDIM(<cnp.ndarray>x) != <int>ndim:
                return False
        for name, usual, check in self.settings:
            x = getattr(instance, name)
            if type(x) is not usual and check(name, x) is not None:
                return False
        if self.lists is not None:
            if len(given) != 2 or not pairs(given[0], given[1]):
                return False
            before = given[1]
            for name in self.lists:
                arrays = getattr(instance, name)
                if arrays is not None:
                    if not (pairs(given[0], arrays) and pairs(given[1], arrays) and pairs(before, arrays)):
                        return False
                    before = arrays
        return self.also is None or self.also(instance, *given) is None


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


cdef bint _asks(filters):
    """Whether any filter of such warnings, up to one of all of them, does more than by default."""
    for action, message, category, module, line in filters:
        if issubclass(RuntimeWarning, category):
            if action in ("error", "always", "all"):
                return True
            if not (message or module or line):
                return False
    return False
