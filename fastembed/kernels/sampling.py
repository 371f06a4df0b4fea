"""Numba kernels of negative sampling: the loss on a few rows of W, and its gradients.

Unchecked: call the functions of ops.
"""

import math

import numpy as np

from fastembed.kernels._args import bit_matrix, double, doubles, id_matrix, matrix
from fastembed.kernels._jit import kernel
from fastembed.kernels._rows import fetch
from fastembed.kernels._vector import row_add, row_dot


@kernel
def negative_sampling_loss(
    h: matrix, W: matrix, targets: id_matrix, labels: bit_matrix, scale: double, eps: double,
    losses: doubles, dscores: matrix, lo, hi,
):  # fmt: skip
    """s = W[targets[n, k]] . h[n]; losses[n] = scale sum over k of -log(p + eps)

    p = sigmoid(s) where labels[n, k] is 1, else 1 - that; dscores[n, k] = scale * gradient of s.
    For lo <= n < hi.

    h        (N, D)  float32 | float64          IN
    W        (V, D)  dtype of h                  IN
    targets  (N, K)  int64, 0 <= target < V      IN
    labels   (N, K)  uint8, 0 or 1               IN
    scale, eps       float64
    losses   (N,)    float64                     OUT
    dscores  (N, K)  dtype of h                  OUT
    """
    nbytes = W.shape[1] * W.itemsize
    for n in range(lo, hi):
        total = 0.0
        for k in range(targets.shape[1]):
            v = targets[n, k]
            if n + 1 < hi:
                fetch(W, targets[n + 1, k] * nbytes, nbytes)
            x = np.float64(row_dot(W[v], h[n]))
            e = math.exp(-abs(x))
            agrees = (x >= 0) == (labels[n, k] == 1)
            total -= math.log((1.0 if agrees else e) / (1 + e) + eps)
            y = (1.0 if x >= 0 else e) / (1 + e)
            dscores[n, k] = scale * (y - labels[n, k])
        losses[n] = total * scale


@kernel
def negative_sampling_backward(
    dscores: matrix, h: matrix, W: matrix, targets: id_matrix, dh: matrix, dW: matrix, lo, hi
):
    """dh[n, d] = sum over k of dscores[n, k] W[v, d]; dW[v, d] += dscores[n, k] h[n, d]

    v = targets[n, k]; for all n and k in order, lo <= d < hi.

    dscores  (N, K)  float32 | float64       IN
    h        (N, D)  dtype of dscores         IN
    W        (V, D)  dtype of dscores         IN
    targets  (N, K)  int64, 0 <= target < V   IN
    dh       (N, D)  dtype of dscores         OUT
    dW       (V, D)  dtype of dscores         INOUT
    """
    for n in range(targets.shape[0]):
        dh[n, lo:hi] = 0
        for k in range(targets.shape[1]):
            v = targets[n, k]
            row_add(dscores[n, k], W[v, lo:hi], dh[n, lo:hi])
            row_add(dscores[n, k], h[n, lo:hi], dW[v, lo:hi])
