"""Numba kernels of the embedding: rows gathered out of W, gradients scattered back into dW."""

from fastembed.kernels._jit import kernel


@kernel
def gather(W, idx, out, lo, hi):
    """out[n, :] = W[idx[n], :]  for lo <= n < hi

    W    (V, D)  float32 | float64           IN
    idx  (N,)    int32 | int64, 0 <= idx < V  IN
    out  (N, D)  dtype of W                   OUT
    Unchecked: call ops.gather.
    """
    D = W.shape[1]
    for n in range(lo, hi):
        v = idx[n]
        for d in range(D):
            out[n, d] = W[v, d]


@kernel
def scatter_add(idx, dout, dW, lo, hi):
    """dW[idx[n], d] += dout[n, d]  for all n in order, lo <= d < hi

    idx   (N,)    int32 | int64, 0 <= idx < V  IN
    dout  (N, D)  dtype of dW                   IN
    dW    (V, D)  float32 | float64             INOUT
    Unchecked: call ops.scatter_add.
    """
    for n in range(idx.shape[0]):
        v = idx[n]
        for d in range(lo, hi):
            dW[v, d] += dout[n, d]
