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


def affine(x, W, b):
    """np.dot(x, W) + b with NumPy's promotion."""
    fits = is_matrix(x) and _same_dtype(x, W, b) and W.shape == (x.shape[1], b.size)
    return ops.affine(x, W, b) if fits and b.ndim == 1 else dot(x, W) + b


def affine_backward(dout, x, W, grads):
    """Fill grads with the gradients of W and b; return that of x."""
    if is_matrix(dout) and is_matrix(x) and _same_dtype(dout, x, W, *grads):
        return ops.affine_backward(dout, x, W, out=grads)[0]
    grads[1][...] = np.sum(dout, axis=0)
    dot(x.T, dout, out=grads[0])
    return dot(dout, W.T)


def _same_dtype(*arrays):
    return all(type(a) is np.ndarray and a.dtype == arrays[0].dtype for a in arrays)
