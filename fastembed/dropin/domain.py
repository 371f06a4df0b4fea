"""Which calls the accelerated methods take: float32 arrays of the shapes that the book uses.

Every function here answers None (take the call) or the reason, in words, why the original runs.
"""

import numpy as np

F32 = np.dtype(np.float32)
IDS = (np.dtype(np.int32), np.dtype(np.int64))


def floats(name, array, ndim=None):
    """The reason why array is not a plain float32 ndarray with ndim axes."""
    if type(array) is not np.ndarray:
        return f"{name} is a {type(array).__name__}, not a numpy.ndarray"
    if array.dtype != F32:
        return f"{name} is {array.dtype}"
    if ndim is not None and array.ndim != ndim:
        return f"{name} has {array.ndim} axes"
    return None


def ids(name, array, ndim=None):
    """The reason why array is not a plain ndarray of int32 or int64 ids."""
    if type(array) is not np.ndarray:
        return f"{name} is a {type(array).__name__}, not a numpy.ndarray"
    if array.dtype not in IDS:
        return f"{name} is {array.dtype}"
    if ndim is not None and array.ndim != ndim:
        return f"{name} has {array.ndim} axes"
    return None


def params(layer, *ndims):
    """The reason why the layer's parameters, or the buffers of their gradients, do not fit."""
    if len(layer.params) != len(ndims) or len(layer.grads) != len(ndims):
        return f"it has {len(layer.params)} params and {len(layer.grads)} grads"
    for k, ndim in enumerate(ndims):
        param, grad = layer.params[k], layer.grads[k]
        reason = floats(f"params[{k}]", param, ndim) or floats(f"grads[{k}]", grad, ndim)
        if reason:
            return reason
        if param.shape != grad.shape:
            return f"params[{k}] has shape {param.shape}, grads[{k}] {grad.shape}"
        if not grad.flags.writeable:
            return f"grads[{k}] is read-only"
    return None


def state(name, array, shape):
    """The reason why a recurrent state is neither None nor float32 of the batch's shape."""
    if array is None:
        return None
    reason = floats(name, array)
    if reason is None and array.shape != shape:
        reason = f"{name} has shape {array.shape}, the batch needs {shape}"
    return reason


def like(name, array, shape):
    """The reason why a gradient does not have the shape of the output it belongs to."""
    reason = floats(name, array)
    if reason is None and array.shape != shape:
        reason = f"{name} has shape {array.shape}, the output {shape}"
    return reason


def scale(name, value):
    """The reason why the factor of a loss's gradient is not a plain number."""
    if type(value) in (int, float, np.float32, np.float64):
        return None
    return f"{name} is a {type(value).__name__}"


def pairs(first, second, name="grads"):
    """The reason why two lists are not matching lists of float32 arrays (params and grads)."""
    if type(first) is not list or type(second) is not list or len(first) != len(second):
        return f"params and {name} are not lists of the same length"
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        reason = floats(f"params[{k}]", a) or like(f"{name}[{k}]", b, a.shape)
        if reason:
            return reason
        if not a.flags.writeable:
            return f"params[{k}] is read-only"
    return None


def writable(name, array):
    """The reason why array is not a float32 ndarray that may be changed."""
    return floats(name, array) or (None if array.flags.writeable else f"{name} is read-only")
