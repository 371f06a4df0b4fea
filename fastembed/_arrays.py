"""What layers accept beyond the ops: mixed dtypes, lists and other ranks, as NumPy takes them."""

import numpy as np

from fastembed.ops.dense import affine_backward_if_fit, affine_if_fit, matmul_if_fit

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


def dot(a, b, out=None):
    """np.dot(a, b) with NumPy's promotion; with out, the product is cast into it."""
    product = matmul_if_fit(a, b, out)
    if product is not None:
        return product
    dtype = np.result_type(a, b)
    if dtype.type in FLOATS:
        product = matmul_if_fit(np.asarray(a, dtype), np.asarray(b, dtype))
    if product is None:
        product = np.dot(a, b)
    if out is None:
        return product
    out[...] = product
    return out


def affine(x, W, b):
    """np.dot(x, W) + b with NumPy's promotion."""
    out = affine_if_fit(x, W, b)
    return dot(x, W) + b if out is None else out


def affine_backward(dout, x, W, grads):
    """Fill grads with the gradients of W and b; return that of x."""
    gradients = affine_backward_if_fit(dout, x, W, grads)
    if gradients is not None:
        return gradients[0]
    grads[1][...] = np.sum(dout, axis=0)
    dot(x.T, dout, out=grads[0])
    return dot(dout, W.T)
