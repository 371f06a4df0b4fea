"""Numba kernels of negative sampling: scores of a few rows of W, and drawing them."""

import math

import numpy as np

from fastembed.kernels._jit import kernel


@kernel
def negative_sampling_loss(h, W, targets, labels, scale, eps, losses, dscores, lo, hi):
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
    Unchecked: call ops.negative_sampling_loss.
    """
    D = h.shape[1]
    for n in range(lo, hi):
        total = 0.0
        for k in range(targets.shape[1]):
            v = targets[n, k]
            s = dscores.dtype.type(0)
            for d in range(D):
                s += W[v, d] * h[n, d]
            x = np.float64(s)
            e = math.exp(-abs(x))
            agrees = (x >= 0) == (labels[n, k] == 1)
            total -= math.log((1.0 if agrees else e) / (1 + e) + eps)
            y = (1.0 if x >= 0 else e) / (1 + e)
            dscores[n, k] = scale * (y - labels[n, k])
        losses[n] = total * scale


@kernel
def negative_sampling_backward(dscores, h, W, targets, dh, dW, lo, hi):
    """dh[n, d] = sum over k of dscores[n, k] W[v, d]; dW[v, d] += dscores[n, k] h[n, d]

    v = targets[n, k]; for all n and k in order, lo <= d < hi.

    dscores  (N, K)  float32 | float64       IN
    h        (N, D)  dtype of dscores         IN
    W        (V, D)  dtype of dscores         IN
    targets  (N, K)  int64, 0 <= target < V   IN
    dh       (N, D)  dtype of dscores         OUT
    dW       (V, D)  dtype of dscores         INOUT
    Unchecked: call ops.negative_sampling_backward.
    """
    for n in range(targets.shape[0]):
        for d in range(lo, hi):
            dh[n, d] = 0
        for k in range(targets.shape[1]):
            v = targets[n, k]
            ds = dscores[n, k]
            for d in range(lo, hi):
                dh[n, d] += ds * W[v, d]
            for d in range(lo, hi):
                dW[v, d] += ds * h[n, d]


@kernel
def draw_negatives(cdf, targets, uniforms, out, lo, hi):
    """out[n, :] = draws without replacement from cdf with targets[n] removed, one uniform each

    For lo <= n < hi. The removed ids' intervals are skipped, so that no draw is ever rejected.

    cdf       (V,)    float64, nondecreasing       IN
    targets   (N,)    int64, 0 <= target < V        IN
    uniforms  (N, S)  float64, in [0, 1)            IN
    out       (N, S)  int64                         OUT
    Unchecked: call ops.draw_negatives.
    """
    V = cdf.shape[0]
    for n in range(lo, hi):
        left = cdf[V - 1] - _weight(cdf, targets[n])
        for s in range(uniforms.shape[1]):
            x = uniforms[n, s] * left
            # put back the removed intervals that lie before x, in ascending order of id
            r = _next_removed(targets[n], out[n], s, -1)
            while r < V and x >= cdf[r] - _weight(cdf, r):
                x += _weight(cdf, r)
                r = _next_removed(targets[n], out[n], s, r)
            v = _first_above(cdf, x)
            # rounding may end on a removed or impossible id: take a possible neighbour
            step = 1
            while v >= V or _weight(cdf, v) == 0 or _removed(targets[n], out[n], s, v):
                if v >= V:
                    step = -1
                v += step
            out[n, s] = v
            left -= _weight(cdf, v)


@kernel
def _weight(cdf, v):
    return cdf[v] - cdf[v - 1] if v > 0 else cdf[0]


@kernel
def _removed(target, drawn, count, v):
    if v == target:
        return True
    for s in range(count):
        if drawn[s] == v:
            return True
    return False


@kernel
def _next_removed(target, drawn, count, after):
    """The smallest removed id above after; a huge one if there is none."""
    best = np.int64(1) << 62
    if after < target:
        best = target
    for s in range(count):
        if after < drawn[s] < best:
            best = drawn[s]
    return best


@kernel
def _first_above(cdf, x):
    """The smallest v with cdf[v] > x; V if there is none."""
    lo, hi = 0, cdf.shape[0]
    while lo < hi:
        mid = (lo + hi) // 2
        if cdf[mid] > x:
            hi = mid
        else:
            lo = mid + 1
    return lo
