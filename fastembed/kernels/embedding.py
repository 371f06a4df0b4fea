"""Numba kernels of the embedding: rows gathered out of W, gradients scattered back into dW."""

import numpy as np

from fastembed.kernels._args import ids, integer, matrix, vector
from fastembed.kernels._jit import entry, kernel
from fastembed.kernels._prefetch import prefetch

# rows this far ahead are on their way from memory while a row is copied
AHEAD = 8
# bytes of a W that a core's own cache holds, and of a row: below, prefetching costs more than it gains
CACHE, LONG = 1 << 21, 1 << 8


@kernel
def gather(W, idx, out, lo, hi):
    """out[n, :] = W[idx[n], :]  for lo <= n < hi

    W    (V, D)  float32 | float64           IN
    idx  (N,)    int32 | int64, 0 <= idx < V  IN
    out  (N, D)  dtype of W                   OUT
    Unchecked: call ops.gather.
    """
    far = W.size * W.itemsize > CACHE and W.shape[1] * W.itemsize >= LONG
    line = 64 // W.itemsize
    first_lines = min(W.shape[1], 4 * line)  # the hardware follows a longer row by itself
    # unsigned: Numba then omits the test for negative indices, and the copy vectorises
    for n in range(np.uint64(lo), np.uint64(hi)):
        if far and n + np.uint64(AHEAD) < np.uint64(hi):
            v = np.uint64(idx[n + np.uint64(AHEAD)])
            for d in range(0, first_lines, line):
                prefetch(W, v, d)
        source = W[np.uint64(idx[n])]
        target = out[n]
        for d in range(target.shape[0]):
            target[d] = source[d]


@kernel
def fill_zero(x, lo, hi):
    """x[i] = 0  for lo <= i < hi

    x  (n,)  float32 | float64  OUT
    """
    x = x[lo:hi]
    for i in range(x.size):
        x[i] = 0


@kernel
def scatter_add(idx, dout, dW, lo, hi):
    """dW[idx[n], :] += dout[n, :]  for lo <= n < hi, in order

    idx   (N,)    int32 | int64, 0 <= idx < V  IN
    dout  (N, D)  dtype of dW                   IN
    dW    (V, D)  float32 | float64             INOUT
    Unchecked: call ops.scatter_add.
    """
    for n in range(np.uint64(lo), np.uint64(hi)):
        source = dout[n]
        target = dW[np.uint64(idx[n])]
        for d in range(target.shape[0]):
            target[d] += source[d]


@kernel
def group(idx, shift, order, starts):
    """order[starts[g]:starts[g + 1]] = all n with idx[n] >> shift == g, in order

    idx     (N,)      int64, 0 <= idx < G << shift  IN
    order   (N,)      int64                         OUT
    starts  (G + 1,)  int64                         OUT
    Unchecked: call ops.scatter_add.
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
def scatter_add_groups(idx, dout, dW, zero, shift, order, starts, lo, hi):
    """dW[v, :] = 0 if zero; dW[idx[n], :] += dout[n, :] in order  for lo <= v >> shift < hi

    Rows of one group are added to while they are in the cache.

    idx     (N,)      int64, 0 <= idx < V  IN
    dout    (N, D)    dtype of dW           IN
    dW      (V, D)    float32 | float64     INOUT
    order   (N,)      int64, of group       IN
    starts  (G + 1,)  int64, of group       IN
    Unchecked: call ops.scatter_add.
    """
    line = 64 // dW.itemsize
    first_lines = min(dW.shape[1], 4 * line)
    last, flat = starts[hi], dW.reshape(-1)
    for g in range(lo, hi):
        if zero:
            fill_zero(flat, (g << shift) * dW.shape[1], min(dW.shape[0], (g + 1) << shift) * dW.shape[1])
        for k in range(np.uint64(starts[g]), np.uint64(starts[g + 1])):
            if k + np.uint64(AHEAD) < np.uint64(last):
                n = np.uint64(order[k + np.uint64(AHEAD)])
                for d in range(0, first_lines, line):
                    prefetch(dout, n, d)
            n = np.uint64(order[k])
            source = dout[n]
            target = dW[np.uint64(idx[n])]
            for d in range(target.shape[0]):
                target[d] += source[d]


# ---- what the pool calls: fields of args, then the slice


@entry
def gather_slices(args, lo, hi, member):
    """W, idx, out"""
    gather(matrix(args, 0), ids(args, 3), matrix(args, 5), lo, hi)


@entry
def fill_zero_slices(args, lo, hi, member):
    """x"""
    fill_zero(vector(args, 0), lo, hi)


@entry
def scatter_add_slices(args, lo, hi, member):
    """idx, dout, dW"""
    scatter_add(ids(args, 0), matrix(args, 2), matrix(args, 5), lo, hi)


@entry
def scatter_add_groups_slices(args, lo, hi, member):
    """idx, dout, dW, zero, shift, order, starts; slices are groups"""
    scatter_add_groups(
        ids(args, 0), matrix(args, 2), matrix(args, 5), integer(args, 8) != 0, integer(args, 9),
        ids(args, 10), ids(args, 12), lo, hi,
    )  # fmt: skip


@entry
def group_slices(args, lo, hi, member):
    """The args of scatter_add_groups_slices; all at once"""
    group(ids(args, 0), integer(args, 9), ids(args, 10), ids(args, 12))
