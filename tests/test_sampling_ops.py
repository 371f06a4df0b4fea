"""The loss of negative sampling on a few rows of W, and its gradients."""

import numpy as np
import pytest

from fastembed import ops, reference, threads

DTYPES = [np.float32, np.float64]
LAYOUTS = ["C", "F", "strided", "reversed", "readonly"]
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
N, V, D, K = 20, 30, 37, 6


def lay(array, layout):
    """The same values in another memory layout."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "strided":
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if layout == "reversed":
        return np.ascontiguousarray(array[::-1])[::-1]
    array = array.copy()
    array.flags.writeable = layout != "readonly"
    return array


@pytest.fixture
def case(rng):
    h, W = rng.standard_normal((N, D)) / 3, rng.standard_normal((V, D)) / 3
    return h, W, rng.integers(-V, V, (N, K)), np.eye(1, K, dtype=int)[0]


@pytest.mark.parametrize("id_dtype", [np.int8, np.int32, np.int64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_loss_and_backward(case, dtype, layout, id_dtype):
    h, W, targets, labels = case
    h, W, targets = h.astype(dtype), W.astype(dtype), targets.astype(id_dtype)
    given = lay(h, layout), lay(W, layout), lay(targets, layout)
    loss, dscores = ops.negative_sampling_loss(*given, labels)
    expected = reference.negative_sampling_loss(h.astype("d"), W.astype("d"), targets, labels)
    assert type(loss) is np.float64 and dscores.dtype == dtype
    np.testing.assert_allclose(loss, expected[0], rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(dscores, expected[1], atol=TOLERANCE[dtype] / N)

    place = np.full((V, D), np.nan, dtype)
    dW = place if layout == "readonly" else lay(place, layout)
    dh = ops.negative_sampling_backward(lay(dscores, layout), *given, dW)
    slow = np.empty((V, D))
    expected = reference.negative_sampling_backward(dscores.astype("d"), h, W, targets, slow)
    np.testing.assert_allclose(dh, expected, atol=TOLERANCE[dtype])
    np.testing.assert_allclose(dW, slow, atol=TOLERANCE[dtype])


def test_gradient(case):
    h, W, targets, labels = case
    dW = np.empty_like(W)
    dscores = ops.negative_sampling_loss(h, W, targets, labels, eps=0.0)[1]
    dh = ops.negative_sampling_backward(dscores, h, W, targets, dW)
    for array, gradient in [(h, dh), (W, dW)]:
        for position in list(np.ndindex(array.shape))[::13]:
            value, change = array[position], 1e-5
            array[position] = value + change
            above = ops.negative_sampling_loss(h, W, targets, labels, eps=0.0)[0]
            array[position] = value - change
            below = ops.negative_sampling_loss(h, W, targets, labels, eps=0.0)[0]
            array[position] = value
            assert abs((above - below) / (2 * change) - gradient[position]) < 1e-8


def test_labels_may_differ_by_sample(case, rng):
    h, W, targets, _ = case
    labels = rng.integers(0, 2, targets.shape)
    result = ops.negative_sampling_loss(h, W, targets, labels)
    expected = reference.negative_sampling_loss(h, W, targets, labels)
    np.testing.assert_allclose(result[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(result[1], expected[1], atol=1e-13)


def test_same_bits_at_any_number_of_threads(rng):
    h, W = rng.standard_normal((300, 200)).astype("f"), rng.standard_normal((900, 200)).astype("f")
    targets, labels = rng.integers(0, 900, (300, 6)), [1, 0, 0, 0, 0, 0]
    before, results = threads.get_num_threads(), []
    try:
        for n in (1, 2, 3, 7):
            threads.set_num_threads(n)
            loss, dscores = ops.negative_sampling_loss(h, W, targets, labels)
            dW = np.empty_like(W)
            dh = ops.negative_sampling_backward(dscores, h, W, targets, dW)
            results.append((loss, dscores, dh, dW))
    finally:
        threads.set_num_threads(before)
    for result in results[1:]:
        for got, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(got, expected)


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


def unaligned(array):
    memory = np.empty(array.nbytes + 1, np.uint8)[1:]
    place = memory.view(array.dtype).reshape(array.shape)
    place[...] = array
    return place


@pytest.mark.parametrize("change", [lambda a: a.astype(a.dtype.newbyteorder()), unaligned])
@pytest.mark.parametrize("dtype", DTYPES)
def test_other_byte_orders_and_unaligned_arrays(case, dtype, change):
    h, W, targets, labels = case
    h, W = h.astype(dtype), W.astype(dtype)
    loss, dscores = ops.negative_sampling_loss(h, W, targets, labels)
    dW = np.empty_like(W)
    dh = ops.negative_sampling_backward(dscores, h, W, targets, dW)
    odd = change(h), change(W), change(targets)
    result = ops.negative_sampling_loss(*odd, change(labels))
    assert result[0] == loss
    np.testing.assert_array_equal(result[1], dscores)
    place = change(np.ones_like(W))
    np.testing.assert_array_equal(ops.negative_sampling_backward(change(dscores), *odd, place), dh)
    np.testing.assert_array_equal(place, dW)
