"""Softmax and the losses: oracles, layouts, labels, extreme values, gradients, threads."""

import numpy as np
import pytest
from helpers import DTYPES, LAYOUTS, lay, numeric
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from scipy.special import log_softmax, softmax

from fastembed import ops, reference
from fastembed.kernels import _vector

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
SIZES = [1, 2, 7, 8, 31, 33, 511, 513, 1100]


@njit
def exp_of(x, y):
    for k in range(x.size):
        y[k] = _vector.exp(x[k])


@pytest.mark.parametrize(("dtype", "low"), [(np.float32, -87.3), (np.float64, -708.0)])
def test_exp_is_exact_to_one_and_a_half_ulp(rng, dtype, low):
    x = np.concatenate([np.linspace(low, 0, 200_001), -np.logspace(-30, 0, 20_001)]).astype(dtype)
    x = x[x >= dtype(low)]
    y = np.empty_like(x)
    exp_of(x, y)
    exact = np.exp(x.astype(np.longdouble))
    assert np.max(np.abs(y - exact) / np.spacing(exact.astype(dtype))) < 1.5
    assert y[-1] == 1.0 or x[-1] != 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_of_extreme_values(dtype):
    x = np.array([0, -0.0, -1e-40, -1e4, -np.finfo(dtype).max, -np.inf, np.nan], dtype)
    y = np.empty_like(x)
    exp_of(x, y)
    np.testing.assert_array_equal(y, [1, 1, 1, 0, 0, 0, np.nan])


@pytest.mark.parametrize("V", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_is_scipys(rng, dtype, V):
    x = (rng.standard_normal((3, 4, V)) * 10).astype(dtype)
    y = ops.softmax(x)
    assert y.dtype == dtype and y.flags.writeable
    np.testing.assert_allclose(y, softmax(x.astype("d"), axis=-1), rtol=TOLERANCE[dtype])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.floats(-(2.0**127), 2.0**127, width=32) | st.sampled_from([-np.inf, np.nan, np.inf]),
        min_size=1,
        max_size=40,
    )
)
def test_softmax_of_any_row_is_numpys(row):
    for dtype in DTYPES:
        x = np.array([row], dtype)
        with np.errstate(all="ignore"):
            expected = reference.softmax(x)
        np.testing.assert_allclose(ops.softmax(x), expected, rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("id_dtype", [np.int8, np.int32, np.int64, np.uint8])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_entropy_is_scipys(rng, dtype, layout, id_dtype):
    scores = (rng.standard_normal((6, 5, 100)) * 6).astype(dtype)
    labels = rng.integers(0, 100, (6, 5)).astype(id_dtype)
    loss, dscores = ops.softmax_cross_entropy(lay(scores, layout), lay(labels, layout))
    logs = log_softmax(scores.astype("d"), axis=-1)
    picked = np.take_along_axis(logs, labels[..., None].astype(int), -1)
    expected = np.exp(logs)
    np.put_along_axis(
        expected,
        labels[..., None].astype(int),
        np.take_along_axis(expected, labels[..., None].astype(int), -1) - 1,
        -1,
    )
    assert type(loss) is np.float64 and dscores.dtype == dtype and dscores.flags.writeable
    np.testing.assert_allclose(loss, -picked.mean(), rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(dscores, expected / 30, atol=TOLERANCE[dtype] / 30)


@pytest.mark.parametrize("eps", [0.0, 1e-7])
@pytest.mark.parametrize("ignore_label", [-1, None, 0, 3, -100, 255])
@pytest.mark.parametrize("dtype", DTYPES)
def test_ignored_and_negative_labels(rng, dtype, ignore_label, eps):
    scores = rng.standard_normal((8, 9, 50)).astype(dtype)
    labels = rng.integers(-50, 50, (8, 9))
    labels[:3] = -1 if ignore_label is None else ignore_label
    before = labels.copy()
    arguments = {"ignore_label": ignore_label, "eps": eps}
    loss, dscores = ops.softmax_cross_entropy(scores, labels, **arguments)
    expected = reference.softmax_cross_entropy(scores.astype("d"), labels, **arguments)
    np.testing.assert_allclose(loss, expected[0], rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(dscores, expected[1], atol=TOLERANCE[dtype] / 10)
    np.testing.assert_array_equal(labels, before)
    assert ignore_label is None or not dscores[:3].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_ignored_is_nan_without_an_exception(dtype):
    with np.errstate(all="raise"):
        loss, dscores = ops.softmax_cross_entropy(np.ones((2, 3, 4), dtype), np.full((2, 3), -1))
    assert np.isnan(loss) and not dscores.any()
    loss, dscores = ops.softmax_cross_entropy(np.ones((0, 4), dtype), np.zeros(0, int))
    assert np.isnan(loss) and dscores.shape == (0, 4)


def test_extreme_scores():
    scores = np.array([[1e4, -1e4, 0], [-np.inf, 0, 0], [np.nan, 0, 0], [np.inf, 0, 0]], "f")
    losses = [
        ops.softmax_cross_entropy(row[np.newaxis], [label])[0]
        for row, label in zip(scores, [1, 1, 1, 1], strict=True)
    ]
    np.testing.assert_allclose(losses, [2e4, np.log(2), np.nan, np.nan], rtol=1e-6)


@pytest.mark.parametrize(
    ("label", "bad"), [(-6, True), (-5, False), (-1, False), (4, False), (5, True)]
)
def test_bounds_of_labels(label, bad):
    labels = np.array([[0, 1], [2, label]])
    if not bad:
        ops.softmax_cross_entropy(np.ones((2, 2, 5)), labels, ignore_label=None)
        return
    message = rf"labels\[1, 1\] = {label} is out of bounds for scores with 5 classes"
    with pytest.raises(IndexError, match=message):
        ops.softmax_cross_entropy(np.ones((2, 2, 5)), labels)


@pytest.mark.parametrize(
    ("scores", "labels", "error", "message"),
    [
        (np.ones((2, 3), "e"), [0, 1], TypeError, "scores must be float32 or float64, got float16"),
        (np.ones((2, 3)), [0.0, 1.0], TypeError, "labels must be an integer array, got float64"),
        (np.ones((2, 3)), [0, 1, 2], ValueError, r"labels must have shape \(2,\)"),
        (np.ones((2, 0)), [0, 1], ValueError, r"scores must have shape \(..., V\) with V >= 1"),
        (np.float32(1), 0, ValueError, "scores must have shape"),
    ],
)
def test_cross_entropy_refuses(scores, labels, error, message):
    with pytest.raises(error, match=message):
        ops.softmax_cross_entropy(scores, labels)


@pytest.mark.parametrize("eps", [0.0, 1e-7])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_cross_entropy(rng, dtype, layout, eps):
    scores = (rng.standard_normal((7, 9)) * 3).astype(dtype)
    labels = rng.integers(0, 2, scores.shape)
    result = ops.sigmoid_cross_entropy(lay(scores, layout), labels, eps=eps)
    expected = reference.sigmoid_cross_entropy(scores.astype("d"), labels, eps=eps)
    np.testing.assert_allclose(result[0], expected[0], rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(result[1], expected[1], atol=TOLERANCE[dtype] / 60)
    assert type(result[0]) is np.float64 and result[1].dtype == dtype
    np.testing.assert_array_equal(
        result[1], ops.sigmoid_cross_entropy(scores, labels == 1, eps=eps)[1]
    )


def test_sigmoid_cross_entropy_of_large_scores(rng):
    scores = np.array([800.0, -800.0, 800.0, -800.0])
    loss, dscores = ops.sigmoid_cross_entropy(scores, [0, 1, 1, 0])
    assert loss == 400 and list(dscores) == [0.25, -0.25, 0, 0]
    scores = rng.standard_normal(7)
    labels = rng.integers(0, 2, 7)
    expected = numeric(lambda: ops.sigmoid_cross_entropy(scores, labels)[0], scores)
    np.testing.assert_allclose(ops.sigmoid_cross_entropy(scores, labels)[1], expected, atol=1e-9)


def test_sigmoid_cross_entropy_refuses():
    with pytest.raises(IndexError, match=r"labels\[1, 0\] = 2 is neither 0 nor 1"):
        ops.sigmoid_cross_entropy(np.ones((2, 2)), [[0, 1], [2, 1]])
    with pytest.raises(TypeError, match="labels must be an integer array"):
        ops.sigmoid_cross_entropy(np.ones(2), [0.5, 1.0])
    with pytest.raises(ValueError, match=r"labels must have shape \(2,\), .* of scores"):
        ops.sigmoid_cross_entropy(np.ones(2), [1])


@pytest.mark.parametrize("V", [*SIZES, 20_000])
@pytest.mark.parametrize("eps", [0.0, 1e-7])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_loss_alone_has_the_bits_of_the_loss_with_its_gradient(rng, dtype, eps, V):
    scores = (rng.standard_normal((5, V)) * 8).astype(dtype)
    labels = np.array([0, V - 1, -1, V // 2, 0])
    loss, dscores = ops.softmax_cross_entropy(scores, labels, eps=eps)
    alone, nothing = ops.softmax_cross_entropy(scores, labels, eps=eps, need_grad=False)
    assert loss == alone and type(alone) is np.float64 and nothing is None
    assert np.isnan(ops.softmax_cross_entropy(scores, [-1] * 5, need_grad=False)[0])


@pytest.mark.parametrize("ignore_label", [2**70, -(2**70), np.int8(3), 3.0])
def test_labels_to_ignore_of_any_kind(rng, ignore_label):
    scores, labels = rng.standard_normal((4, 5)), np.array([0, 3, -5, 4])
    loss = ops.softmax_cross_entropy(scores, labels, ignore_label=ignore_label)[0]
    absent = 3 if ignore_label == 3 else None
    assert loss == ops.softmax_cross_entropy(scores, labels, ignore_label=absent)[0]


SMOOTHING = [0.1, 0.5, 1.0]


@pytest.mark.parametrize("label_smoothing", SMOOTHING)
@pytest.mark.parametrize("dtype", DTYPES)
def test_label_smoothing(rng, dtype, label_smoothing):
    scores = (rng.standard_normal((7, 5, 600)) * 4).astype(dtype)
    labels = rng.integers(-1, 600, (7, 5))
    given = {"label_smoothing": label_smoothing}
    loss, dscores = ops.softmax_cross_entropy(scores, labels, **given)
    expected = reference.softmax_cross_entropy(scores.astype("d"), labels, **given)
    np.testing.assert_allclose(loss, expected[0], rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(dscores, expected[1], atol=TOLERANCE[dtype] / 10)
    assert loss == ops.softmax_cross_entropy(scores, labels, need_grad=False, **given)[0]
    assert not dscores[labels == -1].any()
    rows, (x, W, b) = scores.reshape(-1, 600), (np.eye(35, dtype=dtype), 0, np.zeros(600, dtype))
    W = np.ascontiguousarray(rows)
    linear = ops.linear_cross_entropy(x, W, b, labels.reshape(-1), **given)
    np.testing.assert_allclose(linear[0], loss, rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(linear[2], dscores.reshape(-1, 600), atol=TOLERANCE[dtype] / 10)


@pytest.mark.parametrize("label_smoothing", SMOOTHING)
def test_the_gradient_of_a_smoothed_loss(rng, label_smoothing):
    scores, labels = rng.standard_normal((4, 6)), np.array([0, -1, 5, 2])
    given = {"label_smoothing": label_smoothing}
    expected = numeric(lambda: ops.softmax_cross_entropy(scores, labels, **given)[0], scores)
    found = ops.softmax_cross_entropy(scores, labels, **given)[1]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    x, W, b = rng.standard_normal((4, 3)), rng.standard_normal((3, 6)), rng.standard_normal(6)
    _, *found = ops.linear_cross_entropy(x, W, b, labels, **given)
    for array, gradient in zip((x, W, b), found, strict=True):
        expected = numeric(lambda: ops.linear_cross_entropy(x, W, b, labels, **given)[0], array)
        np.testing.assert_allclose(gradient, expected, atol=1e-9)


@pytest.mark.parametrize("share", [-0.1, 1.5, np.nan])
def test_label_smoothing_is_a_share(share):
    message = r"label_smoothing must be in \[0, 1\], got "
    with pytest.raises(ValueError, match=message):
        ops.softmax_cross_entropy(np.ones((2, 3)), [0, 1], label_smoothing=share)
    with pytest.raises(ValueError, match=message):
        ops.linear_cross_entropy(
            np.ones((2, 3)), np.ones((3, 4)), np.ones(4), [0, 1], label_smoothing=share
        )
