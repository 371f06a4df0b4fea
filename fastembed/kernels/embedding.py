"""Numba kernels of the embedding: rows gathered out of W, gradients scattered back into dW.

Ids of scatter_add and group are unchecked: call the functions of ops.
"""

import numpy as np

from fastembed.kernels._args import ids, integer, matrix
from fastembed.kernels._jit import kernel
from fastembed.kernels._rows import LARGE, SHORT, copy_64, fence, fetch, stream, zero_rows

# `python -m benchmarks --only gather,scatter --drawn 20` on a 2-core Zen 3, see docs/performance.md
AHEAD = 8  # rows that are on their way from memory while one is copied
CACHE, LONG = 1 << 21, 1 << 8  # bytes of W and of a row: of fewer, prefetching is no gain
STREAMED = 1 << 11  # bytes of a row: of fewer, what is no whole line costs more than is gained


@kernel
def _row(idx, n, V):
    """The n-th id, those below 0 counted from the end; V if it is outside [-V, V)."""
    v = np.int64(idx[n])
    if v < 0:
        v += V
    return v if np.uint64(v) < np.uint64(V) else V


def _short(copy):
    """gather for rows that one copy moves"""

    @kernel
    def gather(W, idx, out, nbytes, lo, hi):
        V = W.shape[0]
        for n in range(lo, hi):
            v = _row(idx, n, V)
            if v == V:
                return False
            copy(out, np.int64(n) * out.strides[0], W, v * W.strides[0], nbytes)
        return True

    return gather


_8, _16, _32, _64, _96, _128 = map(_short, SHORT)  # by the bytes of the longest row


@kernel
def _gather_rows(W, idx, out, nbytes, lo, hi):
    """gather for rows of more than 64 bytes"""
    V, last, step = W.shape[0], nbytes - 64, W.strides[0]
    far = W.size * W.itemsize > CACHE and nbytes >= LONG
    large = out.shape[0] * nbytes > LARGE and nbytes >= STREAMED
    for n in range(lo, hi):
        v = _row(idx, n, V)
        if v == V:
            return False
        if far and n + np.uint64(AHEAD) < hi:
            fetch(W, np.int64(idx[n + np.uint64(AHEAD)]) * step, nbytes)
        to, source = np.int64(n) * out.strides[0], v * step
        if large:
            stream(out, to, W, source, nbytes)
            continue
        for k in range(0, last, 64):
            copy_64(out, to + k, W, source + k, 64)
        copy_64(out, to + last, W, source + last, 64)
    if large:
        fence()
    return True


@kernel
def gather(W: matrix, idx: ids, out: matrix, lo, hi) -> bool:
    """out[n, :] = W[idx[n], :]  for lo <= n < hi; False, at once, if an id is outside [-V, V)

    W    (V, D)  float32 | float64  IN
    idx  (N,)    int32 | int64       IN
    out  (N, D)  dtype of W          OUT
    Each id is read once, so that none changes after its check.
    """
    V, nbytes = W.shape[0], W.shape[1] * W.itemsize
    lo, hi = np.uint64(lo), np.uint64(hi)
    if nbytes and W.strides[1] == W.itemsize and out.strides[1] == out.itemsize:
        if nbytes > 128:
            return _gather_rows(W, idx, out, nbytes, lo, hi)
        if nbytes > 96:
            return _128(W, idx, out, nbytes, lo, hi)
        if nbytes > 64:
            return _96(W, idx, out, nbytes, lo, hi)
        if nbytes > 32:
            return _64(W, idx, out, nbytes, lo, hi)
        if nbytes > 16:
            return _32(W, idx, out, nbytes, lo, hi)
        if nbytes > 8:
            return _16(W, idx, out, nbytes, lo, hi)
        return _8(W, idx, out, nbytes, lo, hi)
    for n in range(lo, hi):
        v = _row(idx, n, V)
        if v == V:
            return False
        for d in range(W.shape[1]):
            out[n, d] = W[v, d]
    return True


@kernel
def _add_row(dout, n, dW, v):
    source, target = dout[np.uint64(n)], dW[np.uint64(v)]
    for d in range(target.shape[0]):
        target[d] += source[d]


@kernel
def scatter_add(idx: ids, dout: matrix, dW: matrix, lo, hi):
    """dW[idx[n], :] += dout[n, :]  for lo <= n < hi, in order

    idx   (N,)    int32 | int64, 0 <= idx < V  IN
    dout  (N, D)  dtype of dW                   IN
    dW    (V, D)  float32 | float64             INOUT
    """
    for n in range(np.uint64(lo), np.uint64(hi)):
        _add_row(dout, n, dW, idx[n])


@kernel
def group(idx: ids, shift: integer.at(9), order: ids, starts: ids):
    """order[starts[g]:starts[g + 1]] = all n with idx[n] >> shift == g, in order

    idx     (N,)      int64, 0 <= idx < G << shift  IN
    order   (N,)      int64                         OUT
    starts  (G + 1,)  int64                         OUT
    """
    G, N = starts.shape[0] - 1, idx.shape[0]
    starts[:] = 0
    for n in range(np.uint64(N)):
        starts[np.uint64(idx[n] >> shift)] += 1
    for g in range(1, G + 1):
        starts[g] += starts[g - 1]  # the end of each group, which moves down to its start
    for n in range(N - 1, -1, -1):
        g = np.uint64(idx[np.uint64(n)] >> shift)
        starts[g] -= 1
        order[np.uint64(starts[g])] = n


@kernel
def scatter_add_groups(
    idx: ids, dout: matrix, dW: matrix, zero: integer, shift: integer, order: ids, starts: ids,
    lo, hi,
):  # fmt: skip
    """dW[v, :] = 0 if zero; dW[idx[n], :] += dout[n, :] in order  for lo <= v >> shift < hi

    Rows of one group are added to while they are in the cache.

    idx     (N,)      int64, 0 <= idx < V  IN
    dout    (N, D)    dtype of dW           IN
    dW      (V, D)    float32 | float64     INOUT
    order   (N,)      int64, of group       IN
    starts  (G + 1,)  int64, of group       IN
    """
    nbytes, ahead = dW.shape[1] * dW.itemsize, np.uint64(AHEAD)
    last = np.uint64(starts[hi])
    for g in range(lo, hi):
        if zero:
            zero_rows(dW, g << shift, (g + 1) << shift)
        for k in range(np.uint64(starts[g]), np.uint64(starts[g + 1])):
            if k + ahead < last:
                fetch(dout, order[k + ahead] * nbytes, nbytes)
            n = np.uint64(order[k])
            _add_row(dout, n, dW, idx[n])
    fence()
