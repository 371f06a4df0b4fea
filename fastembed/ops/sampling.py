"""Negative sampling: the loss on a few rows of W with its gradients."""

import numpy as np

from fastembed import _check, threads
from fastembed.kernels import sampling as kernels
from fastembed.ops import _fill
from fastembed.ops.loss import binary_labels

# a slice has at least this many multiply-adds; fewer cost less than another thread's start
GRAIN = 1 << 17


def negative_sampling_loss(h, W, targets, labels, *, eps=1e-7):
    """Logistic loss on the products of h with a few rows of W (T. Mikolov et al., 2013).

    ``loss = sum over k of mean over n of -log(p[n, k] + eps)``, with p = sigmoid(W[targets] . h)
    where the label is 1, and 1 minus that where it is 0.

    Parameters
    ----------
    h : (N, D) ndarray of float32 or float64
    W : (V, D) ndarray of h's dtype
    targets : array_like of integers, shape (N, K)
        Ids in [-V, V); negative ones count from the end.
    labels : array_like of 0 and 1, shape (N, K) or one that broadcasts to it
    eps : float
        Added to the probability before the logarithm; the gradient is that of eps = 0.

    Returns
    -------
    loss : numpy.float64
    dscores : (N, K) ndarray of h's dtype
        Gradient of the products, for negative_sampling_backward.

    Raises
    ------
    IndexError
        If a target is outside [-V, V), or a label is neither 0 nor 1.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    h, W, targets = _arguments(h, W, targets)
    N, K = targets.shape
    labels = binary_labels(np.broadcast_to(labels, (N, K)), (N, K)).reshape(N, K)
    losses, dscores = np.empty(N), np.empty((N, K), h.dtype)
    scale = 1 / N if N else 0.0
    threads.share(
        N,
        lambda lo, hi: kernels.negative_sampling_loss(
            h, W, targets, labels, scale, float(eps), losses, dscores, lo, hi
        ),
        grain=GRAIN // max(1, K * h.shape[1]) + 1,
    )
    return np.sum(losses) if N else np.float64("nan"), dscores


def negative_sampling_backward(dscores, h, W, targets, dW):
    """Gradients of negative_sampling_loss; dW is overwritten.

    Parameters
    ----------
    dscores : (N, K) ndarray of float32 or float64
        What negative_sampling_loss gave, scaled by the gradient of the loss.
    h : (N, D) ndarray of dscores' dtype
    W : (V, D) ndarray of dscores' dtype
    targets : array_like of integers, shape (N, K)
    dW : (V, D) ndarray of dscores' dtype
        Filled. Must not overlap the others.

    Returns
    -------
    dh : (N, D) ndarray

    Raises
    ------
    IndexError
        If a target is outside [-V, V).
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    given = (dscores, h, W)
    h, W, targets = _arguments(h, W, targets)
    dscores = _check.floats("dscores", dscores, ndim=2, dtype=h.dtype)
    _check.shape("dscores", dscores, targets.shape, "like targets")
    inputs = dict(zip(("dscores", "h", "W"), map(np.asarray, given), strict=True))
    _check.output("dW", dW, W.shape, h.dtype, inputs)
    dscores = _check.readonly(np.ascontiguousarray(dscores))
    dh = np.empty(h.shape, h.dtype)

    _fill.zero(dW)
    # each thread owns columns: no atomics, the same bits at any thread count
    threads.share(
        W.shape[1],
        lambda lo, hi: kernels.negative_sampling_backward(dscores, h, W, targets, dh, dW, lo, hi),
        grain=GRAIN // max(1, 2 * targets.size) + 1,
        align=16,
    )
    return dh


def _arguments(h, W, targets):
    h = _check.floats("h", h, ndim=2)
    W = _check.floats("W", W, ndim=2, dtype=h.dtype)
    _check.shape("W", W, (W.shape[0], h.shape[1]), "(any, columns of h)")
    targets = _check.integers("targets", targets)
    if targets.ndim != 2 or targets.shape[0] != h.shape[0]:
        raise ValueError(
            f"targets must have shape (N, K) with N = {h.shape[0]}, got {targets.shape}"
        )
    flat = _check.indices("targets", targets, W.shape[0], "W").reshape(targets.shape)
    return (
        _check.readonly(np.ascontiguousarray(h)),
        _check.readonly(np.ascontiguousarray(W)),
        _check.readonly(flat),
    )
