"""Numba kernels of the embedding: rows gathered out of W, gradients scattered back into dW."""

import numpy as np

from fastembed.kernels._jit import kernel
from fastembed.kernels._prefetch import prefetch, prefetch_to_write

# rows this far ahead are on their way from memory while a row is copied
AHEAD = 8
# as are this many cache lines ahead while zeros are written
LINES_AHEAD = 16


@kernel
def gather(W, idx, out, lo, hi):
    """out[n, :] = W[idx[n], :]  for lo <= n < hi

    W    (V, D)  float32 | float64           IN
    idx  (N,)    int32 | int64, 0 <= idx < V  IN
    out  (N, D)  dtype of W                   OUT
    Unchecked: call ops.gather.
    """
    line = 64 // W.itemsize
    first_lines = min(W.shape[1], 4 * line)  # the hardware follows a longer row by itself
    # unsigned: Numba then omits the test for negative indices, and the copy vectorises
    for n in range(np.uint64(lo), np.uint64(hi)):
        if n + np.uint64(AHEAD) < np.uint64(hi):
            v = np.uint64(idx[n + np.uint64(AHEAD)])
            for d in range(0, first_lines, line):
                prefetch(W, v, d)
        source = W[np.uint64(idx[n])]
        target = out[n]
        for d in range(target.shape[0]):
            target[d] = source[d]


@kernel
def scatter_add(idx, dout, dW, lo, hi):
    """dW[idx[n], d] += dout[n, d]  for all n in order, lo <= d < hi

    idx   (N,)    int32 | int64, 0 <= idx < V  IN
    dout  (N, D)  dtype of dW                   IN
    dW    (V, D)  float32 | float64             INOUT
    Unchecked: call ops.scatter_add.
    """
    for n in range(np.uint64(idx.shape[0])):
        source = dout[n, lo:hi]
        target = dW[np.uint64(idx[n]), lo:hi]
        for d in range(target.shape[0]):
            target[d] += source[d]


@kernel
def group(idx, shift, id_cost, group_cost, order, starts, cuts):
    """order[starts[g]:starts[g + 1]] = all n with idx[n] >> shift == g, in order

    and groups cuts[p] <= g < cuts[p + 1] are part p of P parts that cost about the same.

    idx     (N,)      int64, 0 <= idx < G << shift  IN
    order   (N,)      int64                         OUT
    starts  (G + 1,)  int64                         OUT
    cuts    (P + 1,)  int64                         OUT
    Returns whether no group costs more than a part should.
    Unchecked: call ops.scatter_add.
    """
    G, N, P = starts.shape[0] - 1, idx.shape[0], cuts.shape[0] - 1
    starts[:] = 0
    for n in range(np.uint64(N)):
        starts[np.uint64(idx[n] >> shift)] += 1
    cost, heaviest, part, total = 0, 0, 0, G * group_cost + N * id_cost
    for g in range(G):
        while part < P and cost >= total * part // P:
            cuts[part] = g
            part += 1
        mine = group_cost + starts[g] * id_cost
        cost, heaviest = cost + mine, max(heaviest, mine)
    cuts[part:] = G
    for g in range(1, G + 1):
        starts[g] += starts[g - 1]  # the end of each group, which moves down to its start
    for n in range(N - 1, -1, -1):
        g = np.uint64(idx[np.uint64(n)] >> shift)
        starts[g] -= 1
        order[np.uint64(starts[g])] = n
    return heaviest <= total // P


@kernel
def scatter_add_groups(idx, dout, dW, zero, shift, order, starts, cuts, lo, hi):
    """dW[v, :] = 0 if zero; dW[idx[n], :] += dout[n, :] in order  for v >> shift in parts lo to hi

    idx     (N,)      int64, 0 <= idx < V  IN
    dout    (N, D)    dtype of dW           IN
    dW      (V, D)    float32 | float64     INOUT
    order   (N,)      int64, of group       IN
    starts  (G + 1,)  int64, of group       IN
    cuts    (P + 1,)  int64, of group       IN
    Unchecked: call ops.scatter_add.
    """
    line = 64 // dW.itemsize
    first_lines = min(dW.shape[1], 4 * line)
    last = starts[cuts[hi]]
    for g in range(cuts[lo], cuts[hi]):
        rows = min(dW.shape[0], (g + 1) << shift) if zero else 0
        for v in range(np.uint64(g << shift), np.uint64(rows)):
            target = dW[v]
            for d in range(0, target.shape[0], line):
                prefetch_to_write(dW, v, d + LINES_AHEAD * line)
            target[:] = 0
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
