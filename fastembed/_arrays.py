"""What layers accept beyond the ops: mixed dtypes, lists and other ranks, as NumPy takes them."""

import numpy as np

from fastembed import ops

FLOATS = (np.float32, np.float64)


def common_dtype(*arrays):
    """float32 if NumPy's promotion of arrays gives no more than that, else float64."""
    for array in arrays:
        if array.dtype != np.float32:
            break
    else:
        return np.dtype(np.float32)
    dtype = np.result_type(np.float32, *(array.dtype for array in arrays))
    return dtype if dtype == np.float32 else np.dtype(np.float64)


def cast(array, dtype):
    """The array itself if it has that dtype, else a copy that has."""
    return array if array.dtype == dtype else array.astype(dtype)


def is_matrix(array):
    """Whether the ops take it: an ndarray of two axes, float32 or float64."""
    return type(array) is np.ndarray and array.ndim == 2 and array.dtype.type in FLOATS


def dot(a, b, out=None):
    """np.dot(a, b) with NumPy's promotion; matrices are multiplied on our threads.

    With out, the product is cast into it and out is returned.
    """
    if is_matrix(a) and is_matrix(b) and a.shape[1] == b.shape[0]:
        if a.dtype != b.dtype:
            a, b = cast(a, np.float64), cast(b, np.float64)
        if out is not None and out.dtype == a.dtype and type(out) is np.ndarray:
            return ops.matmul(a, b, out=out)
        product = ops.matmul(a, b)
    else:
        product = _dot_any(a, b)
    if out is None:
        return product
    out[...] = product
    return out


def _dot_any(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]:
        dtype = np.result_type(a, b)
        if dtype.type in FLOATS:
            return ops.matmul(cast(a, dtype), cast(b, dtype))
    return np.dot(a, b)


def add_bias(out, b):
    """Out + b, in out where its dtype and shape allow that."""
    if np.result_type(out, b) == out.dtype and np.ndim(b) <= 1:
        out += b
        return out
    return out + b
