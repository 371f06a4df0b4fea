"""Numba kernels of the losses and their gradients; unchecked: call the functions of ops."""

import math

import numpy as np

from fastembed.kernels._args import bits, double, doubles, ids, matrix, vector
from fastembed.kernels._jit import kernel
from fastembed.kernels._vector import row_dot, row_exp, row_exp_sum, row_max, row_sum


@kernel
def softmax(x: matrix, y: matrix, lo, hi):
    """y[n, :] = exp(x[n, :] - m) / sum(exp(x[n, :] - m)), m = max x[n, :]  for lo <= n < hi

    x  (N, V)  float32 | float64  IN
    y  (N, V)  dtype of x          OUT  may be x itself
    """
    for n in range(lo, hi):
        row_exp(x[n], row_max(x[n]), y[n])
        factor = y.dtype.type(1 / row_sum(y[n]))
        for v in range(x.shape[1]):
            y[n, v] *= factor


@kernel
def softmax_backward(dout: matrix, y: matrix, dx: matrix, lo, hi):
    """dx[n, :] = y[n, :] * (dout[n, :] - sum(dout[n, :] * y[n, :]))  for lo <= n < hi

    dout  (N, V)  float32 | float64  IN
    y     (N, V)  dtype of dout       IN   what softmax gave
    dx    (N, V)  dtype of dout       OUT
    """
    for n in range(lo, hi):
        s = row_dot(dout[n], y[n])
        for v in range(y.shape[1]):
            dx[n, v] = y[n, v] * (dout[n, v] - s)


@kernel
def softmax_loss(
    scores: matrix, labels: ids, eps: double.at(6), smoothing: double, losses: doubles, lo, hi
):  # fmt: skip
    """The losses of softmax_cross_entropy, bit by bit, without their gradient.

    scores  (N, V)  float32 | float64        IN
    labels  (N,)    int64, -1 <= label < V   IN
    eps, smoothing  float64
    losses  (N,)    float64                   OUT
    """
    for n in range(lo, hi):
        if labels[n] < 0:
            losses[n] = 0.0
            continue
        m, score = row_max(scores[n]), scores[n, labels[n]]
        even = row_sum(scores[n]) / scores.shape[1] if smoothing > 0 else 0.0
        losses[n] = _loss(score, even, m, row_exp_sum(scores[n], m), eps, smoothing)


@kernel
def _loss(score, even, m, s, eps, smoothing):
    """-log(p(score) + eps), and -log(p(even)) to the share of smoothing; p(x) = exp(x - m) / s"""
    u = np.float64(score) - np.float64(m)
    loss = -math.log(math.exp(u) / s + eps) if eps > 0 else math.log(s) - u
    if smoothing > 0:
        loss += smoothing * (math.log(s) - (even - np.float64(m)) - loss)
    return loss


@kernel
def softmax_cross_entropy(
    scores: matrix, labels: ids, scale: double, eps: double, smoothing: double, losses: doubles,
    dscores: matrix, lo, hi,
):  # fmt: skip
    """losses[n] = -log(p + eps), dscores[n] = scale * its gradient, p = softmax(scores[n])[label]

    Of smoothing, that share of a loss is mean(-log(p)) instead. A label -1 is ignored: loss and
    gradient are 0. The gradient is that of eps = 0.

    scores   (N, V)  float32 | float64        IN
    labels   (N,)    int64, -1 <= label < V   IN
    scale, eps, smoothing  float64
    losses   (N,)    float64                   OUT
    dscores  (N, V)  dtype of scores           OUT  may be scores itself
    """
    V = scores.shape[1]
    for n in range(lo, hi):
        if labels[n] < 0:
            losses[n] = 0.0
            for v in range(V):
                dscores[n, v] = 0
            continue
        m, score = row_max(scores[n]), scores[n, labels[n]]
        even = row_sum(scores[n]) / V if smoothing > 0 else 0.0  # dscores may be scores
        row_exp(scores[n], m, dscores[n])
        s = row_sum(dscores[n])
        losses[n] = _loss(score, even, m, s, eps, smoothing)
        factor = dscores.dtype.type(scale / s)
        for v in range(V):
            dscores[n, v] *= factor
        if smoothing > 0:
            share = dscores.dtype.type(scale * smoothing / V)
            for v in range(V):
                dscores[n, v] -= share
        dscores[n, labels[n]] -= dscores.dtype.type(scale * (1 - smoothing))


@kernel
def sigmoid_cross_entropy(
    scores: vector, labels: bits, scale: double, eps: double, losses: doubles, dscores: vector,
    lo, hi,
):  # fmt: skip
    """losses[n] = -log(p + eps), p = sigmoid(scores[n]) or 1 - that; dscores = scale * gradient

    scores   (N,)  float32 | float64  IN
    labels   (N,)  uint8, 0 or 1       IN
    scale, eps     float64
    losses   (N,)  float64             OUT
    dscores  (N,)  dtype of scores     OUT
    """
    for n in range(lo, hi):
        x = np.float64(scores[n])
        e = math.exp(-abs(x))
        y = 1 / (1 + e) if x >= 0 else e / (1 + e)
        agrees = (x >= 0) == (labels[n] == 1)
        if eps > 0:
            losses[n] = -math.log((1 if agrees else e) / (1 + e) + eps)
        else:
            losses[n] = math.log1p(e) + (0 if agrees else abs(x))
        dscores[n] = scale * (y - labels[n])
