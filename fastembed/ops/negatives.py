"""Negative samples for a whole batch, from the random numbers that NumPy would use."""

import numpy as np

from fastembed import _check
from fastembed.kernels import negatives as kernels


def negative_samples(p, targets, size):
    """Draw ids for every sample of a batch: never its target, none twice.

    The draws are those of ``numpy.random.choice(V, size, replace=False, p=...)`` for each target in
    turn, with the target's p set to zero: the same ids, from the same legacy random stream.

    Parameters
    ----------
    p : (V,) ndarray of float64
        Weight of each id; they need not sum to one.
    targets : array_like of integers, shape (N,)
        Ids in [-V, V); negative ones count from the end.
    size : int
        How many ids per sample.

    Returns
    -------
    (N, size) ndarray of int32

    Raises
    ------
    IndexError
        If a target is outside [-V, V).
    TypeError, ValueError
        If a dtype or a shape does not fit, or if fewer ids than size can be drawn.
    """
    p = _check.floats("p", p, ndim=1, dtype=np.float64)
    targets = _check.integers("targets", targets)
    _check.shape("targets", targets, (targets.size,))
    flat = _check.readonly(_check.indices("targets", targets, p.size, "p"))
    cdf = np.cumsum(p)
    if not (np.isfinite(cdf).all() and (p >= 0).all()):
        raise ValueError("p must be finite and nonnegative")
    possible = np.count_nonzero(p) - int(flat.size and (p[flat] > 0).any())
    if flat.size and possible < size:
        raise ValueError(f"size = {size} ids cannot be drawn: {possible} have weight")
    N, out = flat.size, np.empty((flat.size, size), np.int32)
    if out.size == 0:
        return out
    cdf, removed = _check.readonly(cdf), np.empty(size + 1, np.int64)
    progress = np.zeros(3, np.int64)
    uniforms = np.empty(0)
    while progress[0] < N:
        # at least so many more are certain to be needed: none is drawn in vain
        needed = (N - progress[0]) * size - progress[1] - uniforms.size
        uniforms = np.concatenate([uniforms, np.random.random_sample(needed)])
        kernels.negative_samples(cdf, flat, _check.readonly(uniforms), removed, out, progress)
        uniforms = uniforms[progress[2] :]
    return out
