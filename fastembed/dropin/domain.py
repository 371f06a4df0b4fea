"""Which arrays and settings the accelerated methods take: those that the book uses.

Every function here answers None (take the call) or the reason, in words, why the original runs.
"""

import numpy as np

from fastembed.dropin import look

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
IDS = (np.dtype(np.int32), np.dtype(np.int64))


def _array(name, array, dtypes, ndim=None):
    if type(array) is not np.ndarray:
        return f"{name} is a {type(array).__name__}, not a numpy.ndarray"
    if array.dtype not in dtypes:
        return f"{name} is {array.dtype}"
    if ndim is not None and array.ndim != ndim:
        return f"{name} has {array.ndim} axes"
    return None if array.size else f"{name} is empty"


def floats(name, array, ndim=None):
    """The reason why array is not a plain float32 ndarray with ndim axes."""
    if look.floats(array, -1 if ndim is None else ndim):
        return None
    return _array(name, array, (F32,), ndim)


def matrix(name, array):
    """The reason why array is not a plain float32 ndarray with two axes."""
    return floats(name, array, 2)


def ids(name, array, ndim=None, end=None):
    """The reason why array is not a plain ndarray of int32 or int64 ids, from 0 to end if given."""
    fits = look.ids(array, -1 if ndim is None else ndim)
    reason = None if fits else _array(name, array, IDS, ndim)
    if reason is None and end is not None and (array.min() < 0 or array.max() >= end):
        reason = f"{name} holds other ids than 0 to {end - 1}"
    return reason


def params(layer, ndims):
    """The reason why the layer's parameters, or the buffers of their gradients, do not fit."""
    params, grads = layer.params, layer.grads
    if look.params(params, grads, ndims):
        return None
    if len(params) != len(ndims) or len(grads) != len(ndims):
        return f"it has {len(params)} params and {len(grads)} grads"
    return first(
        *(floats(f"params[{k}]", param, ndims[k]) for k, param in enumerate(params)),
        *(buffer(f"grads[{k}]", grad, params[k].shape) for k, grad in enumerate(grads)),
    )


def writable(name, array):
    """The reason why array is not a float32 ndarray that may be changed."""
    return floats(name, array) or (None if array.flags.writeable else f"{name} is read-only")


def same(name, array, shape, dtypes=(F32,)):
    """The reason why array is not float32 (or of other dtypes) of a shape."""
    if F32 in dtypes and look.has_shape(array, shape):
        return None
    reason = _array(name, array, dtypes)
    if reason is None and array.shape != shape:
        reason = f"{name} has shape {array.shape}, not {shape}"
    return reason


def buffer(name, array, shape):
    """The reason why array is not a float32 ndarray of a shape that may be written into."""
    return same(name, array, shape) or writable(name, array)


def number(name, value):
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


def pairs(first, second, name="grads"):
    """The reason why two lists are not matching lists of float32 arrays (params and grads)."""
    if look.pairs(first, second):
        return None
    if type(first) is not list or type(second) is not list or len(first) != len(second):
        return f"params and {name} are not lists of the same length"
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        reason = writable(f"params[{k}]", a) or same(f"{name}[{k}]", b, a.shape)
        if reason:
            return reason
        if a is b or np.may_share_memory(a, b):
            return f"params[{k}] and {name}[{k}] share memory"
    return None


def apart(first, second):
    """The reason why two lists of arrays may not be changed together."""
    shared = any(map(np.may_share_memory, first, second))
    return "two arrays of one parameter share memory" if shared else None


def distinct(name, arrays):
    """The reason why of a list one array is a view of what another one holds, too."""
    views = [array for array in arrays if array.base is not None]
    shared = any(np.may_share_memory(a, b) for a in views for b in arrays if a is not b)
    return f"two arrays of {name} share memory" if shared else None


def all_writable(name, arrays):
    """The reason why a list is not one of float32 arrays that may be changed."""
    if type(arrays) is not list:
        return f"{name} is not a list"
    return first(*(writable(f"{name}[{k}]", array) for k, array in enumerate(arrays)))


def first(*reasons):
    """The first reason among some that may be None."""
    return next(filter(None, reasons), None)
