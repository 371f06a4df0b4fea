"""Elementwise functions, softmax and the cross-entropy of probabilities."""

import numpy as np

from fastembed._check import no_mask
from fastembed._inputs import Array, Scalar
from fastembed.ops.elementwise import cross_entropy_error_if_fit, relu_if_fit, sigmoid_if_fit
from fastembed.ops.loss import softmax_if_fit

__all__ = ["cross_entropy_error", "np", "relu", "sigmoid", "softmax"]


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), elementwise."""
    y = sigmoid_if_fit(x)
    if y is None:
        no_mask(x=x)
        y = 1 / (1 + np.exp(-x))
    return y


def relu(x: Array) -> Array:
    """max(0, x), elementwise."""
    y = relu_if_fit(x)
    return np.maximum(0, x) if y is None else y


def softmax(x: Array) -> Array:
    """Softmax over the last axis of x (N, V) or (V,).

    An array of more axes (or none) is handed back unchanged, as the book's function does.
    """
    if x.ndim not in (1, 2):
        return x
    y = softmax_if_fit(x)
    if y is None:
        no_mask(x=x)
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        y = e / e.sum(axis=-1, keepdims=True)
    return y


def cross_entropy_error(y: Array, t: Array) -> Scalar:
    """Mean of ``-log(y[n, t[n]] + 1e-7)``, a NumPy scalar of y's dtype.

    Probabilities y are (N, V) or (V,); t are classes (N,), or one-hot rows of y's shape.
    """
    loss = cross_entropy_error_if_fit(y, t)
    if loss is not None:
        return y.dtype.type(loss)
    no_mask(y=y, t=t)
    if y.ndim == 1:
        y, t = y.reshape(1, -1), t.reshape(1, -1)
    if t.size == y.size:
        t = t.argmax(axis=1)
    N = y.shape[0]
    return -np.sum(np.log(y[np.arange(N), t] + 1e-7)) / N
