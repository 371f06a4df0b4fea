"""The loss of negative sampling on a few rows of W, and its gradients."""

import numpy as np
import pytest

from fastembed import ops, reference

N, V, D, K = 20, 30, 37, 6


@pytest.fixture
def case(rng):
    h, W = rng.standard_normal((N, D)) / 3, rng.standard_normal((V, D)) / 3
    return h, W, rng.integers(-V, V, (N, K)), np.eye(1, K, dtype=int)[0]


def test_labels_may_differ_by_sample(case, rng):
    h, W, targets, _ = case
    labels = rng.integers(0, 2, targets.shape)
    result = ops.negative_sampling_loss(h, W, targets, labels)
    expected = reference.negative_sampling_loss(h, W, targets, labels)
    np.testing.assert_allclose(result[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(result[1], expected[1], atol=1e-13)


def test_large_scores_and_an_empty_batch():
    W = np.array([[40.0], [-900.0]])
    loss, dscores = ops.negative_sampling_loss(np.ones((1, 1)), W, [[0, 1]], [1, 1])
    np.testing.assert_allclose(loss, -np.log(1e-7), rtol=1e-6)
    np.testing.assert_allclose(dscores, [[0, -1]], atol=1e-15)
    empty = np.zeros((0, 2), int)
    loss, dscores = ops.negative_sampling_loss(np.ones((0, 1)), W, empty, [1, 0])
    assert np.isnan(loss) and dscores.shape == (0, 2)
    dW = np.full((2, 1), np.nan)
    assert ops.negative_sampling_backward(dscores, np.ones((0, 1)), W, empty, dW).shape == (0, 1)
    assert not dW.any()


@pytest.mark.parametrize(("target", "bad"), [(-31, True), (-30, False), (29, False), (30, True)])
def test_bounds_of_targets(case, target, bad):
    h, W, targets, labels = case
    targets[3, 2] = target
    dW = np.ones_like(W)
    if not bad:
        ops.negative_sampling_backward(np.ones((N, K)), h, W, targets, dW)
        return
    message = rf"targets\[3, 2\] = {target} is out of bounds for W with 30 rows"
    with pytest.raises(IndexError, match=message):
        ops.negative_sampling_loss(h, W, targets, labels)
    with pytest.raises(IndexError, match=message):
        ops.negative_sampling_backward(np.ones((N, K)), h, W, targets, dW)
    np.testing.assert_array_equal(dW, 1)


def test_refuses(case):
    h, W, targets, labels = case
    with pytest.raises(ValueError, match=r"targets must have shape \(20, 6\), .* with N of h"):
        ops.negative_sampling_loss(h, W, targets[:7], labels)
    with pytest.raises(TypeError, match="W must be float64"):
        ops.negative_sampling_loss(h, W.astype("f"), targets, labels)
    with pytest.raises(ValueError, match="W must have shape"):
        ops.negative_sampling_loss(h, W[:, 1:], targets, labels)
    with pytest.raises(IndexError, match=r"labels\[0, 0\] = 2 is neither 0 nor 1"):
        ops.negative_sampling_loss(h, W, targets, labels * 2)
    with pytest.raises(ValueError, match="dW must not overlap W"):
        ops.negative_sampling_backward(np.ones((N, K)), h, W, targets, W)
    with pytest.raises(ValueError, match="dscores must have shape"):
        ops.negative_sampling_backward(np.ones((N, 2)), h, W, targets, np.ones_like(W))


def test_targets_in_the_memory_of_the_gradient_are_refused(case):
    h, W, _, _ = case
    dW = np.zeros_like(W)
    targets = dW.reshape(-1)[: N * K].view(np.int64).reshape(N, K)
    with pytest.raises(ValueError, match="dW must not overlap targets in memory"):
        ops.negative_sampling_backward(np.ones((N, K)), h, W, targets, dW)
    dW = np.lib.stride_tricks.as_strided(np.zeros(V * D), (V, D), (0, 8))
    with pytest.raises(ValueError, match="dW must not overlap itself"):
        ops.negative_sampling_backward(np.ones((N, K)), h, W, np.zeros((N, K), int), dW)
