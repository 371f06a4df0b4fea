"""Which calls the accelerated methods take: float32 arrays of the shapes that the book uses.

Every function here answers None (take the call) or the reason, in words, why the original runs.
"""

import numpy as np

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
IDS = (np.dtype(np.int32), np.dtype(np.int64))


def _array(name, array, dtypes, ndim):
    if type(array) is not np.ndarray:
        return f"{name} is a {type(array).__name__}, not a numpy.ndarray"
    if array.dtype not in dtypes:
        return f"{name} is {array.dtype}"
    if ndim is not None and array.ndim != ndim:
        return f"{name} has {array.ndim} axes"
    if array.size == 0:
        return f"{name} is empty"
    return None


def floats(name, array, ndim=None):
    """The reason why array is not a plain float32 ndarray with ndim axes."""
    return _array(name, array, (F32,), ndim)


def ids(name, array, ndim=None, end=None):
    """The reason why array is not a plain ndarray of int32 or int64 ids, from 0 to end if given."""
    reason = _array(name, array, IDS, ndim)
    if reason is None and end is not None and (array.min() < 0 or array.max() >= end):
        reason = f"{name} holds other ids than 0 to {end - 1}"
    return reason


def words(name, ids_or_list):
    """The reason why a text is neither a list nor an array of ids with one axis."""
    return None if type(ids_or_list) is list and ids_or_list else ids(name, ids_or_list, 1)


def window(corpus, size):
    """The reason why there are no words on both sides at this distance."""
    if type(size) is int and 0 < 2 * size < len(corpus):
        return None
    return f"window_size is {size!r} for {len(corpus)} words"


def params(layer, *ndims):
    """The reason why the layer's parameters, or the buffers of their gradients, do not fit."""
    if len(layer.params) != len(ndims) or len(layer.grads) != len(ndims):
        return f"it has {len(layer.params)} params and {len(layer.grads)} grads"
    for k, ndim in enumerate(ndims):
        param = layer.params[k]
        reason = floats(f"params[{k}]", param, ndim)
        reason = reason or buffer(f"grads[{k}]", layer.grads[k], param.shape)
        if reason:
            return reason
    return None


def buffer(name, array, shape):
    """The reason why array is not a float32 ndarray of a shape that may be written into."""
    return same(name, array, shape) or writable(name, array)


def writable(name, array):
    """The reason why array is not a float32 ndarray that may be changed."""
    return floats(name, array) or (None if array.flags.writeable else f"{name} is read-only")


def same(name, array, shape):
    """The reason why array is not float32 of a shape."""
    reason = floats(name, array)
    if reason is None and array.shape != shape:
        reason = f"{name} has shape {array.shape}, not {shape}"
    return reason


def state(name, array, shape):
    """The reason why a recurrent state is neither None nor float32 of the batch's shape."""
    return None if array is None else same(name, array, shape)


def like(name, array, shape):
    """The reason why a gradient, float32 or float64, has not the shape of the output it is of."""
    reason = _array(name, array, (F32, F64), None)
    if reason is None and array.shape != shape:
        reason = f"{name} has shape {array.shape}, the output {shape}"
    return reason


def number(name, value, *more):
    """The reason why a setting is not Python's own number (or of one more kind)."""
    if type(value) in (int, float, *more):
        return None
    return f"{name} is a {type(value).__name__}"


def pairs(first, second, name="grads"):
    """The reason why two lists are not matching lists of float32 arrays (params and grads)."""
    if type(first) is not list or type(second) is not list or len(first) != len(second):
        return f"params and {name} are not lists of the same length"
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        reason = writable(f"params[{k}]", a) or same(f"{name}[{k}]", b, a.shape)
        if reason:
            return reason
        if a is b or np.may_share_memory(a, b):
            return f"params[{k}] and {name}[{k}] share memory"
    return None
