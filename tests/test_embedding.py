"""The embedding ops against NumPy."""

import numpy as np

from fastembed import ops, reference


def test_gather_is_numpy_indexing(rng=np.random.default_rng(0)):
    W = rng.standard_normal((50, 33)).astype("f")
    idx = rng.integers(-50, 50, (4, 6))
    np.testing.assert_array_equal(ops.gather(W, idx), reference.gather(W, idx))


def test_scatter_add_sums_duplicates(rng=np.random.default_rng(0)):
    idx = rng.integers(-5, 5, (40, 6))
    dout = rng.standard_normal((40, 6, 33)).astype("f")
    dW = ops.scatter_add(np.ones((5, 33), "f"), idx, dout)
    np.testing.assert_array_equal(dW, reference.scatter_add(np.ones((5, 33), "f"), idx, dout))
