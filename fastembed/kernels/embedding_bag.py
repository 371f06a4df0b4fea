"""Numba kernels of bags of embeddings: rows of W summed, or their maxima, and the gradients.

Bag b has the places starts[b] <= n < starts[b + 1] of idx, or where starts is empty those of row b
of length ids. Unchecked but for ids: call the functions of ops.
"""

import numpy as np

from fastembed.kernels._args import id_matrix, ids, integer, matrix, vector
from fastembed.kernels._jit import kernel
from fastembed.kernels._rows import fence, fetch, zero_rows
from fastembed.kernels._sums import TILE, tile_sums
from fastembed.kernels._vector import row_add, row_dot
from fastembed.kernels.embedding import AHEAD, _row

# a forward's struct: W, idx, weights, starts, length, mean, argmax, out, whether ids are fine
STARTS, ARGMAX, OUT = ids.at(7), id_matrix.at(11), matrix.at(14)


@kernel
def _bag(starts, length, b):
    """Where bag b begins and ends in idx."""
    if starts.shape[0]:
        return starts[b], starts[b + 1]
    return b * length, (b + 1) * length


def _sums(name, tile_sum):
    """The entry for ids with or without weights."""

    def embedding_bag(
        W: matrix, idx: ids, weights: vector, starts: ids, length: integer, mean: integer,
        out: OUT, lo, hi,
    ) -> bool:  # fmt: skip
        """out[b, :] = sum over n in bag b of weights[n] W[idx[n], :]; over their number if mean

        Without weights, they are 1. For units lo <= u < hi: bag u // tiles, of its row part
        u % tiles, which has TILE bytes. False if an id is outside [-V, V).

        W        (V, D)             float32 | float64  IN
        idx      (N,)               int64               IN
        weights  (N,)               dtype of W          IN
        starts   (B + 1,) or (0,)   int64               IN
        length   int, ids of each bag if starts is empty
        mean     int, 0 or 1
        out      (B, D)             dtype of W          OUT
        """
        row_bytes = W.shape[1] * W.itemsize
        tiles = (row_bytes + TILE - 1) // TILE
        b, t, fine = lo // tiles, lo % tiles, True
        for _ in range(lo, hi):
            first, end = _bag(starts, length, b)
            begin = t * TILE
            nbytes, divisor, to = min(TILE, row_bytes - begin), mean * (end - first), b * row_bytes
            if not tile_sum(W, begin, nbytes, idx, weights, first, end, divisor, out, to + begin):
                fine = False
            t += 1
            if t == tiles:
                b, t = b + 1, 0
        return fine

    embedding_bag.__name__ = name
    return kernel(embedding_bag)


embedding_bag = _sums("embedding_bag", tile_sums(weighted=False))
embedding_bag_weighted = _sums("embedding_bag_weighted", tile_sums(weighted=True))


@kernel
def segment_sum(values: matrix, starts: STARTS, out: OUT, lo, hi):
    """out[b, :] = sum over starts[b] <= n < starts[b + 1] of values[n, :]  for lo <= b < hi

    values  (N, D)    float32 | float64  IN
    starts  (B + 1,)  int64               IN
    out     (B, D)    dtype of values     OUT
    """
    for b in range(np.uint64(lo), np.uint64(hi)):
        total = out[b]
        for d in range(total.shape[0]):
            total[d] = 0
        for n in range(np.uint64(starts[b]), np.uint64(starts[b + np.uint64(1)])):
            row = values[n]
            for d in range(total.shape[0]):
                total[d] += row[d]


@kernel
def embedding_bag_max(
    W: matrix, idx: ids, starts: STARTS, length: integer, out: OUT, argmax: ARGMAX, lo, hi
) -> bool:
    """out[b, d] = max over n in bag b of W[idx[n], d]; argmax[b, d] = that idx[n]

    The first of equals; NaN if one is; 0, both, for an empty bag. For lo <= b < hi; False if an id
    is outside [-V, V).

    W       (V, D)            float32 | float64  IN
    idx     (N,)              int64               IN
    starts  (B + 1,) or (0,)  int64               IN
    length  int, ids of each bag if starts is empty
    out     (B, D)            dtype of W          OUT
    argmax  (B, D)            int64               OUT
    """
    V, fine = W.shape[0], True
    for b in range(np.uint64(lo), np.uint64(hi)):
        first, end = _bag(starts, length, np.int64(b))
        best, place = out[b], argmax[b]
        if first == end:
            for d in range(best.shape[0]):
                best[d], place[d] = 0, 0
        for n in range(np.uint64(first), np.uint64(end)):
            v = _row(idx, n, V)
            if v == V:
                fine = False
                break
            row, begins = W[np.uint64(v)], n == np.uint64(first)
            for d in range(best.shape[0]):
                x, m = row[d], best[d]
                larger = begins or x > m or (x != x and m == m)
                best[d] = x if larger else m
                place[d] = v if larger else place[d]
    return fine


@kernel
def _add_scaled(idx, dout, bags, scales, n, lo, hi, dW):
    b = bags[n]
    if b >= 0:
        scale = scales[n] if scales.shape[0] else scales.dtype.type(1)
        row_add(scale, dout[np.uint64(b), lo:hi], dW[np.uint64(idx[n]), lo:hi])


@kernel
def embedding_bag_backward(
    idx: ids, dout: matrix, dW: matrix, bags: ids.at(14), scales: vector, lo, hi
):
    """dW[idx[n], d] += scales[n] dout[bags[n], d]  for all n in order, lo <= d < hi

    idx     (N,)          int64, 0 <= idx < V                IN
    dout    (B, D)        float32 | float64                  IN
    dW      (V, D)        dtype of dout                       INOUT
    bags    (N,)          int64, below B; below 0: no bag     IN
    scales  (N,) or (0,)  dtype of dout, else 1               IN
    """
    for n in range(np.uint64(idx.shape[0])):
        _add_scaled(idx, dout, bags, scales, n, lo, hi, dW)


@kernel
def embedding_bag_backward_groups(
    idx: ids, dout: matrix, dW: matrix, zero: integer, shift: integer, order: ids, starts: ids,
    bags: ids, scales: vector, lo, hi,
):  # fmt: skip
    """dW[v, :] = sum over n with idx[n] = v of scales[n] dout[bags[n], :], lo <= v >> shift < hi

    Rows of one group are zeroed, if zero, and added to, in the order of n, while they are in the
    cache; else dW is zero already.

    idx, dout, bags, scales as in embedding_bag_backward
    dW      (V, D)                      INOUT
    order   (N,)      int64, of group   IN
    starts  (G + 1,)  int64, of group   IN
    """
    D, ahead = dW.shape[1], np.uint64(AHEAD)
    nbytes, last = D * dW.itemsize, np.uint64(starts[hi])
    for g in range(lo, hi):
        if zero:
            zero_rows(dW, g << shift, (g + 1) << shift)
        for k in range(np.uint64(starts[g]), np.uint64(starts[g + 1])):
            if k + ahead < last:
                fetch(dout, bags[np.uint64(order[k + ahead])] * nbytes, nbytes)
            _add_scaled(idx, dout, bags, scales, np.uint64(order[k]), 0, D, dW)
    fence()


@kernel
def embedding_bag_max_backward(dout: matrix, argmax: id_matrix, dW: matrix, lo, hi):
    """dW[argmax[b, d], d] += dout[b, d]  for all b in order with argmax >= 0, lo <= d < hi

    dout    (B, D)  float32 | float64           IN
    argmax  (B, D)  int64, below V               IN
    dW      (V, D)  dtype of dout                INOUT
    """
    for b in range(dout.shape[0]):
        for d in range(lo, hi):
            v = argmax[b, d]
            if v >= 0:
                dW[v, d] += dout[b, d]


@kernel
def embedding_bag_weights(W: matrix, idx: ids, dout: matrix, bags: ids, dweights: vector, lo, hi):
    """dweights[n] = W[idx[n], :] . dout[bags[n], :], 0 where bags[n] < 0, for lo <= n < hi

    W         (V, D)  float32 | float64               IN
    idx       (N,)    int64, 0 <= idx < V              IN
    dout      (B, D)  dtype of W                       IN
    bags      (N,)    int64, below B; below 0: no bag  IN
    dweights  (N,)    dtype of W                       OUT
    """
    for n in range(np.uint64(lo), np.uint64(hi)):
        b = bags[n]
        dweights[n] = 0
        if b >= 0:
            dweights[n] = row_dot(W[np.uint64(idx[n])], dout[np.uint64(b)])
