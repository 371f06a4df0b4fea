"""Affine, softmax and loss in one: equal to the separate ops, in memory for one block of scores."""

import tracemalloc

import numpy as np
import pytest
from helpers import DTYPES, LAYOUTS, lay, swapped, unaligned

from fastembed import ops, reference
from fastembed.ops import loss

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


def arguments(rng, shape, D, V, dtype):
    x, W, b = (rng.standard_normal(s).astype(dtype) for s in [(*shape, D), (D, V), V])
    return x, W / dtype(4), b, rng.integers(-1, V, shape)


def close(result, expected, dtype):
    for got, value in zip(result, expected, strict=True):
        np.testing.assert_allclose(got, value, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        assert got.shape == value.shape
    assert all(got.dtype == dtype and got.flags.writeable for got in result[1:])


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(loss, "BLOCK", 6400)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_layout(rng, small_blocks, dtype, layout):
    x, W, b, labels = arguments(rng, (20, 11), 30, 100, dtype)
    given = (lay(x, layout), lay(W, layout), lay(b, layout), lay(labels, layout))
    close(ops.linear_cross_entropy(*given), reference.linear_cross_entropy(x, W, b, labels), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "D", "V"),
    [((), 3, 4), ((1,), 1, 1), ((0,), 3, 4), ((5, 0), 3, 4), ((700,), 64, 500), ((700,), 300, 90)],
)
def test_any_shape_at_any_number_of_threads(rng, any_threads, small_blocks, shape, D, V, dtype):
    given = arguments(rng, shape, D, V, dtype)
    close(ops.linear_cross_entropy(*given), reference.linear_cross_entropy(*given), dtype)


@pytest.mark.parametrize("ignore_label", [-1, 3, None, 1000])
def test_labels(rng, ignore_label):
    x, W, b, labels = arguments(rng, (6, 5), 4, 20, np.float64)
    labels[0] = -2
    labels[1] = -1 if ignore_label is None else ignore_label
    given = {"ignore_label": ignore_label}
    result = ops.linear_cross_entropy(x, W, b, labels, **given)
    close(result, reference.linear_cross_entropy(x, W, b, labels, **given), np.float64)


def test_all_ignored_is_nan_without_an_exception(rng):
    x, W, b, labels = arguments(rng, (6, 5), 4, 20, np.float32)
    with np.errstate(all="raise"):
        loss, *gradients = ops.linear_cross_entropy(x, W, b, np.full_like(labels, -1))
    assert np.isnan(loss) and not any(gradient.any() for gradient in gradients)


def test_equals_the_separate_ops(rng):
    x, W, b, labels = arguments(rng, (90,), 40, 300, np.float64)
    loss, dx, dW, db = ops.linear_cross_entropy(x, W, b, labels)
    expected, dscores = ops.softmax_cross_entropy(ops.affine(x, W, b), labels)
    np.testing.assert_allclose(loss, expected, rtol=1e-14)
    for got, value in zip((dx, dW, db), ops.affine_backward(dscores, x, W), strict=True):
        np.testing.assert_allclose(got, value, atol=1e-15)


@pytest.mark.parametrize(
    "layout", [np.copy, np.asfortranarray, lambda a: lay(a, "strided"), swapped, unaligned]
)
def test_out_is_overwritten(rng, layout):
    x, W, b, labels = arguments(rng, (30,), 6, 8, np.float64)
    dW, db = layout(np.full(W.shape, np.nan)), layout(np.full(b.shape, np.nan))
    result = ops.linear_cross_entropy(x, W, b, labels, out=(dW, db))
    assert result[2] is dW and result[3] is db
    result = result[0], *(array.astype("d") for array in result[1:])
    close(result, reference.linear_cross_entropy(x, W, b, labels), np.float64)
    with pytest.raises(ValueError, match=r"out\[0\] must not overlap W"):
        ops.linear_cross_entropy(x, W, b, labels, out=(W, db))


def test_memory_is_one_block_of_scores(rng):
    x, W, b, labels = arguments(rng, (4000,), 20, 5000, np.float32)  # 80 MB of scores
    ops.linear_cross_entropy(x[:10], W, b, labels[:10])
    dW, db = np.empty_like(W), np.empty_like(b)
    tracemalloc.start()
    try:
        ops.linear_cross_entropy(x, W, b, labels, out=(dW, db))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        ops.linear_cross_entropy(x, W, b, labels, out=(dW, db))
        # the second call uses the block again: dx, losses, labels, and a row of sums
        assert tracemalloc.get_traced_memory()[1] - before < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("label", "bad"), [(-9, True), (-8, False), (7, False), (8, True)])
def test_bounds_of_labels(rng, label, bad):
    x, W, b, labels = arguments(rng, (3, 2), 4, 8, np.float64)
    labels[2, 0] = label
    dW, db = np.ones_like(W), np.ones_like(b)
    if not bad:
        ops.linear_cross_entropy(x, W, b, labels, out=(dW, db))
        return
    message = rf"labels\[2, 0\] = {label} is out of bounds for scores with 8 classes"
    with pytest.raises(IndexError, match=message):
        ops.linear_cross_entropy(x, W, b, labels, out=(dW, db))
    assert (dW == 1).all() and (db == 1).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones((2, 3), "f")}, TypeError, "x must be float64 like the other arrays"),
        ({"x": np.ones((2, 4))}, ValueError, r"x must have shape \(2, 3\)"),
        ({"b": np.ones(4)}, ValueError, r"b must have shape \(5,\)"),
        ({"W": np.ones((3, 0))}, ValueError, r"W must have shape \(D, V\) with V >= 1"),
        ({"W": np.ones(3)}, ValueError, "W must have 2 axes"),
        ({"labels": [0]}, ValueError, r"labels must have shape \(2,\)"),
        ({"x": 1.0}, ValueError, "x must have shape"),
    ],
)
def test_refuses(change, error, message):
    given = {"x": np.ones((2, 3)), "W": np.ones((3, 5)), "b": np.ones(5), "labels": [0, 1]}
    with pytest.raises(error, match=message):
        ops.linear_cross_entropy(**(given | change))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_loss_alone_has_the_bits_of_the_loss_with_gradients(rng, small_blocks, dtype):
    given = arguments(rng, (30, 11), 12, 100, dtype)
    dW, db = np.ones((12, 100), dtype), np.ones(100, dtype)
    loss, *nothing = ops.linear_cross_entropy(*given, out=(dW, db), need_grad=False)
    assert loss == ops.linear_cross_entropy(*given)[0] and nothing == [None] * 3
    assert (dW == 1).all() and (db == 1).all()


def test_a_tied_weight_and_its_gradient_are_transposed_views(rng):
    x, W, b, labels = arguments(rng, (30,), 6, 8, np.float64)
    tied, dW, db = np.asfortranarray(W), np.empty((8, 6)).T, np.empty(8)
    result = ops.linear_cross_entropy(x, tied, b, labels, out=(dW, db))
    assert result[2] is dW
    close(result, ops.linear_cross_entropy(x, W, b, labels), np.float64)


def test_labels_in_the_memory_of_a_gradient_are_refused(rng):
    x, W, b, _ = arguments(rng, (8,), 6, 8, np.float64)
    for place in range(2):
        out = [np.zeros((6, 8)), np.zeros(8)]
        labels = out[place].reshape(-1)[:8].view(np.int64)
        with pytest.raises(ValueError, match=rf"out\[{place}\] must not overlap labels"):
            ops.linear_cross_entropy(x, W, b, labels, out=tuple(out))


def test_gradients_that_overlap_themselves_are_refused(rng):
    x, W, b, labels = arguments(rng, (8,), 6, 8, np.float64)
    dW = np.lib.stride_tricks.as_strided(np.zeros(48), (6, 8), (8, 8))
    with pytest.raises(ValueError, match=r"out\[0\] must not overlap itself"):
        ops.linear_cross_entropy(x, W, b, labels, out=(dW, np.zeros(8)))
