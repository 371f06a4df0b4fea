"""The loss of negative sampling with all words of a sample at once, on a user's own object."""

import numpy as np

from fastembed import ops
from fastembed.ops.optim import zero_all


def forward(twin, h, target):
    """The loss of h (N, D) for target words (N,) and the words that the user's sampler draws."""
    N = target.shape[0]
    words = np.concatenate(
        [target[:, np.newaxis], twin.sampler.get_negative_sample(target)], axis=1
    )
    rows = ops.gather(twin.params[0], words)  # (N, K, D)
    y = 1 / (1 + np.exp(-np.einsum("nkd,nd->nk", rows, h)))
    p = 1 - y
    p[:, 0] = y[:, 0]
    twin.cache = h, words, rows, y
    return np.float32(-np.sum(np.log(p + np.float32(1e-7))) / N)


def backward(twin, dout=1):
    """Fill the gradients, one for each place of a sample; returns that of h, as float64."""
    h, words, rows, y = twin.cache
    ds = y.copy()  # (N, K)
    ds[:, 0] -= 1
    ds *= np.float32(dout / y.shape[0])
    zero_all(twin.grads)
    for k, grad in enumerate(twin.grads):
        ops.scatter_add(grad, words[:, k], ds[:, k, np.newaxis] * h)
    return np.einsum("nk,nkd->nd", ds, rows).astype(np.float64)
