"""Numba kernels of the embedding: rows gathered out of W, gradients scattered back into dW."""

import numpy as np

from fastembed.kernels._args import ids, integer, matrix, vector
from fastembed.kernels._jit import entry, kernel
from fastembed.kernels._rows import SHORT, copy_64, prefetch

# rows this far ahead are on their way from memory while a row is copied
AHEAD = 8
# bytes of a W that a core's own cache holds, and of a row: below, prefetching costs more than it
# gains
CACHE, LONG = 1 << 21, 1 << 8
LINES = 4 * 64  # bytes of a row that are fetched ahead: the hardware follows a longer row by itself


@kernel
def _row(idx, n, V):
    """Where the n-th row begins among V rows; V if its id is outside [-V, V)."""
    v = np.int64(idx[n])
    if v < 0:
        v += V
    return v if np.uint64(v) < np.uint64(V) else V


def _gather_short(copy):
    """gather for rows that are copied at once."""

    @kernel
    def gather_short(W, idx, out, nbytes, lo, hi):
        V = W.shape[0]
        for n in range(lo, hi):
            v = _row(idx, n, V)
            if v == V:
                return False
            copy(out, np.int64(n) * out.strides[0], W, v * W.strides[0], nbytes)
        return True

    return gather_short


_up_to_7, _up_to_15, _up_to_31, _up_to_32, _up_to_64, _up_to_96, _up_to_128 = map(
    _gather_short, SHORT.values()
)


@kernel
def gather(W, idx, out, lo, hi):
    """out[n, :] = W[idx[n], :]  for lo <= n < hi; False, at once, if an id is outside [-V, V)

    W    (V, D)  float32 | float64  IN
    idx  (N,)    int32 | int64       IN
    out  (N, D)  dtype of W          OUT
    Each id is read once, so that none changes after its check.
    """
    V, nbytes = W.shape[0], W.shape[1] * W.itemsize
    lo, hi = np.uint64(lo), np.uint64(hi)
    if nbytes == 0 or W.strides[1] != W.itemsize or out.strides[1] != out.itemsize:
        for n in range(lo, hi):
            v = _row(idx, n, V)
            if v == V:
                return False
            for d in range(W.shape[1]):
                out[n, d] = W[v, d]
        return True
    if nbytes <= 7:
        return _up_to_7(W, idx, out, nbytes, lo, hi)
    if nbytes <= 15:
        return _up_to_15(W, idx, out, nbytes, lo, hi)
    if nbytes <= 31:
        return _up_to_31(W, idx, out, nbytes, lo, hi)
    if nbytes <= 32:
        return _up_to_32(W, idx, out, nbytes, lo, hi)
    if nbytes <= 64:
        return _up_to_64(W, idx, out, nbytes, lo, hi)
    if nbytes <= 96:
        return _up_to_96(W, idx, out, nbytes, lo, hi)
    if nbytes <= 128:
        return _up_to_128(W, idx, out, nbytes, lo, hi)
    far = W.size * W.itemsize > CACHE and nbytes >= LONG
    for n in range(lo, hi):
        v = _row(idx, n, V)
        if v == V:
            return False
        if far and n + np.uint64(AHEAD) < hi:
            row = np.int64(idx[n + np.uint64(AHEAD)]) * W.strides[0]
            for line in range(0, min(nbytes, LINES), 64):
                prefetch(W, row + line)
        t, s = np.int64(n) * out.strides[0], v * W.strides[0]
        for k in range(0, nbytes - 64, 64):
            copy_64(out, t + k, W, s + k, 64)
        copy_64(out, t + nbytes - 64, W, s + nbytes - 64, 64)
    return True


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
    nbytes = dW.shape[1] * dW.itemsize
    last = starts[hi]
    for g in range(lo, hi):
        if zero:
            group = dW[g << shift : (g + 1) << shift]
            for v in range(group.shape[0]):
                for d in range(group.shape[1]):
                    group[v, d] = 0
        for k in range(np.uint64(starts[g]), np.uint64(starts[g + 1])):
            if k + np.uint64(AHEAD) < np.uint64(last):
                row = order[k + np.uint64(AHEAD)] * nbytes
                for line in range(0, min(nbytes, LINES), 64):
                    prefetch(dout, row + line)
            n = np.uint64(order[k])
            source = dout[n]
            target = dW[np.uint64(idx[n])]
            for d in range(target.shape[0]):
                target[d] += source[d]


# ---- what the pool calls: fields of args, then the slice


@entry
def gather_slices(args, lo, hi, member):
    """W, idx, out, wrong"""
    if not gather(matrix(args, 0), ids(args, 3), matrix(args, 5), lo, hi):
        ids(args, 8)[0] = 1


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
