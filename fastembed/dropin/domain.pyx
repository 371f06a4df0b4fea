"""Which arrays and settings the accelerated methods take: those that the book uses.

Every function here answers None (take the call) or the reason, in words, why the original runs.
They are asked at every call: in Python that takes as long as a small layer's work.
"""

import numpy as np

cimport numpy as cnp
from libc.string cimport memcmp

from fastembed.ops._fit cimport apart, extent, same_shape

cnp.import_array()

FLOAT = (np.dtype(np.float32),)
DOUBLE = (np.dtype(np.float64),)
IDS = (np.dtype(np.int32), np.dtype(np.int64))

# ---- arrays; those with a number k >= 0 are entries of a list

cdef str entry(str name, Py_ssize_t k):
    return name if k < 0 else f"{name}[{k}]"


cdef array(str name, x, tuple dtypes, int ndim=-1, Py_ssize_t k=-1):
    """The reason why x is not a plain ndarray of such dtypes, with ndim axes unless that is -1."""
    if not cnp.PyArray_CheckExact(x):
        return f"{entry(name, k)} is a {type(x).__name__}, not a numpy.ndarray"
    if <object>cnp.PyArray_DESCR(<cnp.ndarray>x) not in dtypes:
        return f"{entry(name, k)} is {x.dtype}"
    if ndim >= 0 and cnp.PyArray_NDIM(<cnp.ndarray>x) != ndim:
        return f"{entry(name, k)} has {x.ndim} axes"
    return None if cnp.PyArray_SIZE(<cnp.ndarray>x) else f"{entry(name, k)} is empty"


cdef bint alike(x, y) noexcept:
    """Whether two arrays have the same shape."""
    cdef int ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    return ndim == cnp.PyArray_NDIM(<cnp.ndarray>y) and same_shape(x, y, ndim)


cdef like(str name, x, y, Py_ssize_t k):
    """The reason why x is not a float32 ndarray of the shape of y."""
    reason = array(name, x, FLOAT, -1, k)
    return reason if reason or alike(x, y) else same(entry(name, k), x, y.shape)


cdef writable(str name, x, Py_ssize_t k):
    """The reason why x is not a float32 ndarray that may be changed."""
    reason = array(name, x, FLOAT, -1, k)
    if reason is None and not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>x):
        reason = f"{entry(name, k)} is read-only"
    return reason


cdef tuple span(x):
    """Where the memory of an array begins and ends."""
    cdef char *start
    cdef char *end
    extent(x, &start, &end)
    return <Py_ssize_t>start, <Py_ssize_t>end


cpdef matrix(name, x):
    """The reason why x is not a plain float32 ndarray with two axes."""
    return array(name, x, FLOAT, 2)


cpdef ids(name, x, int ndim=-1, Py_ssize_t end=-1):
    """The reason why x is not a plain ndarray of int32 or int64 ids, from 0 to end if given."""
    reason = array(name, x, IDS, ndim)
    if reason is None and end >= 0 and (x.min() < 0 or x.max() >= end):
        reason = f"{name} holds other ids than 0 to {end - 1}"
    return reason


def same(name, x, tuple shape, tuple dtypes=FLOAT):
    """The reason why x is not float32 (or of other dtypes) of a shape."""
    reason = array(name, x, dtypes)
    if reason is None and x.shape != shape:
        reason = f"{name} has shape {x.shape}, not {shape}"
    return reason


def same_ids(cnp.ndarray a, cnp.ndarray b):
    """Whether two arrays of ids are equal."""
    if cnp.PyArray_TYPE(a) == cnp.PyArray_TYPE(b) and alike(a, b):
        if cnp.PyArray_IS_C_CONTIGUOUS(a) and cnp.PyArray_IS_C_CONTIGUOUS(b):
            return memcmp(cnp.PyArray_DATA(a), cnp.PyArray_DATA(b), cnp.PyArray_NBYTES(a)) == 0
    return np.array_equal(a, b)


# ---- lists of arrays

def all_writable(name, arrays):
    """The reason why a list is not one of float32 arrays that may be changed."""
    if type(arrays) is not list:
        return f"{name} is not a list"
    for k, x in enumerate(arrays):
        reason = writable(name, x, k)
        if reason is not None:
            return reason
    return None


cpdef buffers(params, grads):
    """The reason why as many gradients cannot be written as float32 arrays like the parameters."""
    cdef Py_ssize_t k
    for k in range(len(params)):
        reason = like("grads", grads[k], params[k], k) or writable("grads", grads[k], k)
        if reason is not None:
            return reason
    return None


cdef parameters(layer, tuple ndims):
    """The reason why the layer's parameters, or the buffers of their gradients, do not fit."""
    cdef Py_ssize_t k
    params, grads = layer.params, layer.grads
    if len(params) != len(ndims) or len(grads) != len(ndims):
        return f"it has {len(params)} params and {len(grads)} grads"
    for k in range(len(ndims)):
        reason = array("params", params[k], FLOAT, ndims[k], k)
        if reason is not None:
            return reason
    return buffers(params, grads)


cpdef pairs(params, arrays, name="grads"):
    """The reason why two lists are not matching lists of float32 arrays (params and grads)."""
    cdef Py_ssize_t k
    if type(params) is not list or type(arrays) is not list or len(params) != len(arrays):
        return f"params and {name} are not lists of the same length"
    for k in range(len(params)):
        reason = writable("params", params[k], k) or like(name, arrays[k], params[k], k)
        if reason is not None:
            return reason
        if not apart(params[k], arrays[k]):
            return f"params[{k}] and {name}[{k}] share memory"
    return None


def update(optimizer, params, grads):
    """The reason why an optimizer cannot change its lists of arrays and these together."""
    cdef Py_ssize_t j, k, n
    states = [(name, getattr(optimizer, name, None)) for name in ("m", "v", "h")]
    lists = [("grads", grads), *[state for state in states if state[1] is not None]]
    for name, arrays in lists:
        reason = pairs(params, arrays, name)
        if reason is not None:
            return reason
    for j in range(len(lists)):
        for k in range(j):
            (_, first), (_, second) = lists[j], lists[k]
            for n in range(len(params)):
                if not apart(first[n], second[n]):
                    return "two arrays of one parameter share memory"
    return distinct("params", params)


def distinct(name, arrays):
    """The reason why of a list one array is a view of what another one holds, too."""
    if any([x.base is not None for x in arrays]):
        spans = sorted([span(x) for x in {id(x): x for x in arrays}.values()])
        if any([start < end for (_, end), (start, _) in zip(spans, spans[1:])]):
            return f"two arrays of {name} share memory"
    return None


# ---- settings

cpdef number(name, value):
    """The reason why a setting is not Python's own number."""
    return None if type(value) in (int, float) else f"{name} is a {type(value).__name__}"


def scalar(name, value):
    """The reason why a factor is neither Python's own number nor one of NumPy's floats."""
    return None if type(value) in (np.float32, np.float64) else number(name, value)


def flag(name, value):
    """The reason why a setting is not plainly true or false: asking some objects has effects."""
    plain = value is None or type(value) in (bool, int, np.bool_)
    return None if plain else f"{name} is a {type(value).__name__}"


def integer(name, value):
    """The reason why a setting is not Python's own integer."""
    return None if type(value) is int else f"{name} is {value!r}"


SETTINGS = {
    **dict.fromkeys("lr momentum decay_rate beta1 beta2 dropout_ratio".split(), number),
    **dict.fromkeys("ignore_label sample_size time_idx".split(), integer),
    **dict.fromkeys("stateful train_flg".split(), flag),
    "W": matrix,
}


cdef class Domain:
    """The calls of one class or function that ours takes: what its row of the table says.

    Parameters
    ----------
    known : known.Known
    """

    cdef tuple ndims, inputs, settings, never, copied
    cdef bint loss
    cdef object also

    def __init__(self, known):
        self.ndims = tuple([len(shape.split()) for shape in known.params])
        self.inputs = tuple([_input(kind) for kind in known.inputs])
        self.settings = tuple([(name, SETTINGS[name]) for name in known.reads if name in SETTINGS])
        self.never, self.loss, self.also = known.never, known.loss, known.also
        self.copied = known.copied

    def unfit(self, names, instance, tuple given):
        """The reason why a call with arguments of these names goes to the original, or None."""
        cdef Py_ssize_t k
        for name in self.copied:
            if not hasattr(instance, name):
                return f"it has no attribute {name}"
        reason = parameters(instance, self.ndims) if self.ndims else None
        for k in range(min(len(self.inputs), len(given))):
            has_ids, ndim, end = self.inputs[k]
            if reason is None and has_ids:
                reason = ids(names[k], given[k], ndim, end)
            elif reason is None:
                reason = array(names[k], given[k], FLOAT, ndim)
        for name, check in self.settings:
            reason = reason or check(name, getattr(instance, name))
        for name, value in zip(names, given) if self.never else ():
            reason = reason or (name in self.never and value and f"{name} is {value}")
        return reason or (self.also and self.also(instance, *given))

    def unfit_gradient(self, names, instance, shape, tuple given):
        """The reason why a backward does, after a forward whose output had a shape."""
        if len(given) > 1:
            return f"it is given {names[1]}, too"
        if self.loss:
            return scalar(names[0], given[0]) if given else None
        reason = same(names[0], given[0], shape, FLOAT + DOUBLE)
        return reason or (parameters(instance, self.ndims) if self.ndims else None)


def _input(kind):
    end = int(kind.end) if kind.end.isdigit() else -1
    return bool(kind.end), -1 if kind.any_axes else len(kind.shape.split()), end
