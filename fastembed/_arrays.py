"""What layers accept beyond the doors: mixed dtypes, lists and other ranks, as NumPy takes them."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from fastembed._check import no_mask, shape
from fastembed._inputs import Array
from fastembed.ops.dense import affine_backward_if_fit, affine_if_fit, matmul_if_fit

FLOATS = (np.float32, np.float64)
FLOAT32 = np.dtype(np.float32)


def common_dtype(*arrays: Array) -> np.dtype[Any]:
    """float32 if NumPy's promotion of arrays gives no more than that, else float64."""
    for array in arrays:
        if array.dtype != FLOAT32:
            break
    else:
        return FLOAT32
    dtype = np.result_type(FLOAT32, *(array.dtype for array in arrays))
    return dtype if dtype == FLOAT32 else np.dtype(np.float64)


def cast(array: Array, dtype: Any) -> Array:
    """The array itself if it has that dtype, else a copy that has; complex numbers are refused."""
    return array if array.dtype is dtype else array.astype(dtype, casting="same_kind", copy=False)


def fill(grads: Iterable[Array], values: Iterable[Array]) -> None:
    """Write gradients of any dtype to their arrays."""
    for grad, value in zip(grads, values, strict=True):
        np.copyto(grad, value)


def dot(a: Array, b: Array) -> Array:
    """np.dot(a, b) with NumPy's promotion."""
    dtype, product = np.result_type(a, b), None
    if dtype.type in FLOATS:
        product = matmul_if_fit(np.asarray(a, dtype), np.asarray(b, dtype))
    return np.dot(a, b) if product is None else product


def affine(x: Array, W: Array, b: Array | None = None) -> Array:
    """np.dot(x, W) + b with NumPy's promotion; no b, no sum."""
    out = affine_if_fit(x, W, b)
    if out is None:
        no_mask(x=x)
        out = dot(x, W)
        if b is not None:
            out = out + b
    return out


def affine_backward(dout: Array, x: Array, W: Array, grads: list[Array]) -> Array:
    """Fill grads, those of W and, if there is one, of the bias; return that of x."""
    gradients = affine_backward_if_fit(dout, x, W, grads)
    if gradients is not None:
        return gradients[0]
    no_mask(dout=dout)
    shape("x", x, (*dout.shape[:-1], W.shape[0]), "(rows of dout, rows of W)")
    rows, inputs = dout.reshape(-1, W.shape[1]), x.reshape(-1, W.shape[0])
    fill(grads, (dot(inputs.T, rows), np.sum(rows, axis=0))[: len(grads)])
    return dot(rows, W.T).reshape(x.shape)
