"""Numba kernels of the embedding: rows gathered out of W, gradients scattered back into dW."""

import numpy as np

from fastembed.kernels._jit import kernel
from fastembed.kernels._prefetch import prefetch

# rows this far ahead are on their way from memory while a row is copied
AHEAD = 8


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
