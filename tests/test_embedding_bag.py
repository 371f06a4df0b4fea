"""Bags of embeddings against plain NumPy: all ways to say which ids a bag has, and gradients."""

import numpy as np
import pytest
from helpers import COUNTS, DTYPES, LAYOUTS, lay, numeric, swapped, unaligned

from fastembed import layers, ops, reference

MODES = ["sum", "mean", "max"]
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}


def bags(rng, V, lengths):
    """Flat ids, some negative, and where bags of these lengths begin."""
    ids = rng.integers(-V, V, sum(lengths))
    return ids, np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)


def both(W, *given, dout, weights=None, **options):
    """Outputs and gradients, ours and the twin's."""
    found = []
    for module in (ops, reference):
        extra = {**options, "per_sample_weights": weights}
        out, argmax = module.embedding_bag(W, *given, need_argmax=True, **extra)
        back = module.embedding_bag_backward(dout, W, *given, argmax=argmax, **extra)
        found.append([out, argmax, *(back if isinstance(back, tuple) else (back,))])
    return found


def check(found, dtype):
    for ours, slow in zip(*found, strict=True):
        if ours is None:
            assert slow is None
            continue
        assert ours.shape == slow.shape and ours.dtype == slow.dtype
        np.testing.assert_allclose(ours, slow, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", [*MODES, "weights"])
@pytest.mark.parametrize("padding_idx", [None, 0, -2])
@pytest.mark.parametrize("way", ["rows", "offsets", "last offset"])
def test_values_and_gradients(rng, mode, way, padding_idx, dtype):
    V, D = 11, 70
    W = rng.standard_normal((V, D)).astype(dtype)
    if way == "rows":
        ids = rng.integers(-V, V, (9, 5))
        given, count, options = (ids,), 9, {}
    else:
        ids, offsets = bags(rng, V, [3, 0, 1, 12, 0, 7])
        given, count, options = (ids, offsets), 6, {}
        if way == "last offset":
            given = ids, np.append(offsets, len(ids) - 2)  # two ids belong to no bag
            options["include_last_offset"] = True
    weights = rng.standard_normal(ids.shape).astype(dtype) if mode == "weights" else None
    options |= {"mode": "sum" if weights is not None else mode, "padding_idx": padding_idx}
    dout = rng.standard_normal((count, D)).astype(dtype)
    check(both(W, *given, dout=dout, weights=weights, **options), dtype)


@pytest.mark.parametrize("D", [*range(1, 20), 31, 33, 63, 64, 65, 100, 127, 128, 129, 300])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_any_width(rng, dtype, D):
    W, dout = rng.standard_normal((30, D)).astype(dtype), rng.standard_normal((7, D)).astype(dtype)
    ids, offsets = bags(rng, 30, [1, 2, 0, 9, 4, 1, 3])
    for mode in MODES:
        check(both(W, ids, offsets, dout=dout, mode=mode), dtype)


@pytest.mark.parametrize("V", [10, 3000, 40_000])  # below and beyond what a cache holds
@pytest.mark.parametrize("mode", [*MODES, "weights"])
def test_bits_at_any_number_of_threads(rng, set_threads, mode, V):
    W = rng.standard_normal((V, 90)).astype("f")
    ids = rng.integers(-V, V, (400, 30))
    dout = rng.standard_normal((400, 90)).astype("f")
    weights = rng.standard_normal(ids.shape).astype("f") if mode == "weights" else None
    options = {"mode": "sum" if mode == "weights" else mode, "weights": weights}
    results = []
    for n in COUNTS:
        set_threads(n)
        ours, slow = both(W, ids, dout=dout, padding_idx=3, **options) if n == 1 else (None, None)
        if slow:
            for a, b in zip(ours, slow, strict=True):
                assert a is b or np.abs(a - b).max() <= 1e-5 * np.abs(b).max()
        extra = {"mode": options["mode"], "per_sample_weights": weights, "padding_idx": 3}
        out, argmax = ops.embedding_bag(W, ids, need_argmax=True, **extra)
        back = ops.embedding_bag_backward(dout, W, ids, argmax=argmax, **extra)
        results.append([out, *(back if isinstance(back, tuple) else (back,))])
    for result in results[1:]:
        for a, b in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("mode", [*MODES, "weights"])
@pytest.mark.parametrize("ragged", [False, True])
def test_gradients_are_central_differences(rng, mode, ragged):
    W = rng.standard_normal((6, 4))
    if ragged:
        ids, offsets = bags(rng, 6, [3, 0, 4])
        given = ids, offsets
    else:
        ids = rng.integers(-6, 6, (3, 4))
        given = (ids,)
    w, options = rng.standard_normal((3, 4)), {"mode": "sum" if mode == "weights" else mode}
    weights = rng.standard_normal(ids.shape) if mode == "weights" else None

    def value():
        return np.sum(w * ops.embedding_bag(W, *given, per_sample_weights=weights, **options))

    argmax = ops.embedding_bag(W, *given, need_argmax=True, **options)[1]
    back = ops.embedding_bag_backward(
        w, W, *given, argmax=argmax, per_sample_weights=weights, **options
    )
    dW, *dweights = back if isinstance(back, tuple) else (back,)
    np.testing.assert_allclose(dW, numeric(value, W), atol=1e-6)
    if dweights:
        np.testing.assert_allclose(dweights[0], numeric(value, weights), atol=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_every_argument(rng, layout):
    W, dout = rng.standard_normal((9, 5)), rng.standard_normal((4, 5))
    ids, weights = rng.integers(-9, 9, (4, 3)), rng.standard_normal((4, 3))
    found = both(
        *(lay(array, layout) for array in (W, ids)),
        dout=lay(dout, layout),
        weights=lay(weights, layout),
    )
    check(found, np.float64)


@pytest.mark.parametrize("change", [swapped, unaligned])
def test_sparse_gradients_of_ids_that_lie_oddly(rng, change):
    ids = rng.integers(-9, 9, (4, 3))
    gradients = []
    for given in (ids, change(ids)):
        layer = layers.EmbeddingBag(np.ones((9, 5), "f"), sparse=True)
        layer.forward(given)
        layer.backward(np.arange(20, dtype="f").reshape(4, 5))
        gradients.append(layer.grads[0].to_dense())
    np.testing.assert_array_equal(*gradients)


def test_results_go_to_out(rng):
    W, ids, dout = rng.standard_normal((9, 5)), rng.integers(0, 9, (4, 3)), np.ones((4, 5))
    for mode in MODES:
        expected, argmax = ops.embedding_bag(W, ids, mode=mode, need_argmax=True)
        for out in (np.full((4, 5), np.nan), np.full((5, 4), np.nan).T):
            assert ops.embedding_bag(W, ids, mode=mode, out=out) is out
            np.testing.assert_array_equal(out, expected)
        gradient = ops.embedding_bag_backward(dout, W, ids, mode=mode, argmax=argmax)
        out = np.full((9, 5), np.nan)
        back = ops.embedding_bag_backward(dout, W, ids, mode=mode, argmax=argmax, out=out)
        assert back is out
        np.testing.assert_array_equal(out, gradient)


def test_nan_is_the_maximum_and_the_first_of_equals_is_chosen():
    W = np.array([[1.0, 5], [np.nan, 5], [2, 4], [np.nan, 5]])
    out, argmax = ops.embedding_bag(
        W, [[0, 2], [2, 1], [1, 3], [3, 0]], mode="max", need_argmax=True
    )
    np.testing.assert_array_equal(out, [[2, 5], [np.nan, 5], [np.nan, 5], [np.nan, 5]])
    np.testing.assert_array_equal(argmax, [[2, 0], [1, 1], [1, 1], [3, 3]])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("value", [-12, 11, 2**40, -(2**63)])
def test_ids_out_of_bounds_are_refused_and_nothing_is_written(rng, mode, value):
    W, ids = rng.standard_normal((11, 70)), np.array([[0, 1], [value, 2]])
    out, dW = np.full((2, 70), 5.0), np.full((11, 70), 5.0)
    message = rf"idx\[1, 0\] = {value} is out of bounds for W with 11 rows"
    for place in (out, None):
        with pytest.raises(IndexError, match=message):
            ops.embedding_bag(W, ids, mode=mode, out=place)
        with pytest.raises(IndexError, match=message):
            ops.embedding_bag(W, ids, mode=mode, padding_idx=0, out=place)
    argmax = np.zeros((2, 70), int)
    with pytest.raises(IndexError, match=message):
        ops.embedding_bag_backward(out, W, ids, mode=mode, argmax=argmax, out=dW)
    assert (out == 5).all() and (dW == 5).all()


@pytest.mark.parametrize(
    ("offsets", "options", "error", "message"),
    [
        ([1, 2], {}, ValueError, r"offsets must begin with 0, got offsets\[0\] = 1"),
        ([0, 3, 2], {}, ValueError, r"must not decrease, got offsets\[2\] = 2 after 3"),
        ([0, 5], {}, IndexError, r"offsets\[1\] = 5 is out of bounds for idx with 4 entries"),
        ([0, 2], {"mode": "min"}, ValueError, "mode must be 'sum', 'mean' or 'max', got 'min'"),
        ([[0, 2]], {}, ValueError, "offsets must have 1 axis, got"),
        ([0, 2], {"padding_idx": 7}, ValueError, r"padding_idx must be in \[-7, 7\)"),
        ([0, 5], {"include_last_offset": True}, IndexError, r"offsets\[1\] = 5 is out of bounds"),
        ([], {"include_last_offset": True}, ValueError, r"offsets must have shape \(B \+ 1,\)"),
        (
            [0, 2],
            {"mode": "mean", "per_sample_weights": np.ones(4)},
            ValueError,
            "per_sample_weights must be None for mode='mean'",
        ),
        (
            [0, 2],
            {"per_sample_weights": np.ones(3)},
            ValueError,
            r"per_sample_weights must have shape \(4,\)",
        ),
    ],
)
def test_bags_that_are_none_are_refused(offsets, options, error, message):
    W, ids = np.ones((7, 3)), [1, 2, 3, 4]
    with pytest.raises(error, match=message):
        ops.embedding_bag(W, ids, offsets, **options)
    if "mode" not in options:
        with pytest.raises(error, match=message):
            ops.embedding_bag_backward(np.ones((len(offsets), 3)), W, ids, offsets, **options)


def test_what_is_refused_changes_no_row():
    W = np.full((4, 3), 5.0)
    layer = layers.EmbeddingBag(W, max_norm=1.0)
    with pytest.raises(ValueError, match="offsets must begin with 0"):
        layer.forward([0, 1], [1])
    assert (W == 5).all()
    np.testing.assert_allclose(layer.forward([0, 1], [0]), W[:1])
    assert (W[:2] < 1).all() and (W[2:] == 5).all()


def test_ids_of_one_axis_need_offsets():
    with pytest.raises(ValueError, match="offsets must be given for idx of one axis"):
        ops.embedding_bag(np.ones((3, 2)), [0, 1])
    with pytest.raises(ValueError, match=r"idx must have 1 axis, got shape \(1, 2\)"):
        ops.embedding_bag(np.ones((3, 2)), [[0, 1]], [0])


def test_argmax_is_needed_and_checked():
    W, ids, dout = np.ones((3, 2)), [[0, 1]], np.ones((1, 2))
    with pytest.raises(TypeError, match="argmax must be what embedding_bag gave"):
        ops.embedding_bag_backward(dout, W, ids, mode="max")
    with pytest.raises(IndexError, match=r"argmax\[0, 1\] = 3 is out of bounds for W with 3 rows"):
        ops.embedding_bag_backward(dout, W, ids, mode="max", argmax=[[0, 3]])


@pytest.mark.parametrize("D", [0, 3])
@pytest.mark.parametrize("mode", MODES)
def test_nothing_to_add(mode, D):
    W, none = np.ones((4, D)), np.empty((0, 5), int)
    for given, count in [
        ((none,), 0),
        ((none.T,), 5),
        (([], [0, 0]), 2),
        (([1], []), 0),
        (([2, 2], [0, 2]), 2),
    ]:
        dout = np.ones((count, D))
        check(both(W, *given, dout=dout, mode=mode, padding_idx=2), np.float64)


@pytest.mark.parametrize("mode", [*MODES, "weights"])
def test_ids_without_a_bag_give_nothing(rng, mode):
    """Where there are no offsets; scratch and dout lie where a call with bags had its own."""
    W, dout, ids = np.ones((30, 3)), np.ones((9000, 3)), rng.integers(0, 30, 9000)
    weights = np.ones(9000) if mode == "weights" else None
    options = {"mode": "sum" if mode == "weights" else mode, "per_sample_weights": weights}
    for offsets in (np.arange(9000), np.arange(0)):
        out, argmax = ops.embedding_bag(W, ids, offsets, need_argmax=True, **options)
        back = ops.embedding_bag_backward(
            dout[: len(offsets)], W, ids, offsets, argmax=argmax, **options
        )
    for grad in back if isinstance(back, tuple) else (back,):
        assert not grad.any()


def test_segments(rng):
    values = rng.standard_normal((40, 90)).astype("f")
    offsets = np.array([0, 0, 7, 7, 30, 40])
    expected = [
        values[lo:hi].sum(axis=0) for lo, hi in zip(offsets, [*offsets[1:], 40], strict=True)
    ]
    np.testing.assert_allclose(ops.segment_sum(values, offsets), expected, atol=1e-5)
    last = ops.segment_sum(values, np.append(offsets, 40), include_last_offset=True)
    np.testing.assert_array_equal(last, ops.segment_sum(values, offsets))
    short = ops.segment_sum(values, [0, 7, 30], include_last_offset=True)
    np.testing.assert_array_equal(short, ops.segment_sum(values[:30], [0, 7]))


@pytest.mark.parametrize("mode", MODES)
def test_the_layer(rng, mode):
    W = rng.standard_normal((9, 5)).astype("f")
    layer = layers.EmbeddingBag(W, mode=mode, padding_idx=1)
    assert layer.params[0] is W
    ids, offsets = bags(rng, 9, [3, 0, 4])
    grad = layer.grads[0]
    for _ in range(2):
        out = layer.forward(ids, offsets)
        assert layer.backward(np.ones_like(out, dtype="d")) is None
        slow = both(W, ids, offsets, dout=np.ones_like(out), mode=mode, padding_idx=1)[1]
        np.testing.assert_allclose(out, slow[0], rtol=1e-5)
        np.testing.assert_allclose(layer.grads[0], slow[2], rtol=1e-5)
        assert layer.grads[0] is grad


def test_a_mode_that_is_none_is_refused_at_once():
    with pytest.raises(ValueError, match="mode must be 'sum', 'mean' or 'max', got 'avg'"):
        layers.EmbeddingBag(np.ones((3, 2), "f"), mode="avg")


def test_the_layer_gives_the_gradient_of_weights(rng):
    W, ids = rng.standard_normal((9, 5)).astype("f"), rng.integers(0, 9, (4, 3))
    weights = rng.standard_normal((4, 3)).astype("f")
    layer = layers.EmbeddingBag(W, mode="sum")
    dout = np.ones_like(layer.forward(ids, per_sample_weights=weights))
    expected = both(W, ids, dout=dout, weights=weights)[1]
    np.testing.assert_allclose(layer.backward(dout), expected[3], rtol=1e-5)
    np.testing.assert_allclose(layer.grads[0], expected[2], rtol=1e-5)


@pytest.mark.parametrize("mode", [*MODES, "weights"])
@pytest.mark.parametrize("by_freq", [False, True])
@pytest.mark.parametrize("padding_idx", [None, 2])
def test_row_sparse_gradients_are_the_dense_ones(rng, mode, by_freq, padding_idx):
    if mode == "max" and by_freq:
        with pytest.raises(ValueError, match="scale_grad_by_freq must be False for mode='max'"):
            layers.EmbeddingBag(np.ones((2, 2)), mode=mode, scale_grad_by_freq=True)
        return
    W, (ids, offsets) = rng.standard_normal((30, 5)).astype("f"), bags(rng, 9, [3, 0, 4, 2, 6])
    weights = rng.standard_normal(15).astype("f") if mode == "weights" else None
    options = {"mode": "sum" if mode == "weights" else mode, "padding_idx": padding_idx}
    dense, sparse, frozen = (
        layers.EmbeddingBag(W, scale_grad_by_freq=by_freq, **options, **extra)
        for extra in ({}, {"sparse": True}, {"freeze": True})
    )
    dout = rng.standard_normal((5, 5)).astype("f")
    results = []
    for layer in (dense, sparse, frozen):
        out = layer.forward(ids, offsets, weights)
        results.append([out, layer.backward(dout)])
    for result in results[1:]:
        for a, b in zip(result, results[0], strict=True):
            assert (a is None and b is None) or np.array_equal(a, b)
    np.testing.assert_allclose(sparse.grads[0].to_dense(), dense.grads[0], rtol=1e-6)
    used = np.setdiff1d(ids % 30, [] if padding_idx is None else [padding_idx])
    np.testing.assert_array_equal(sparse.grads[0].rows, used)
    assert len(frozen.grads[0].rows) == 0


@pytest.mark.parametrize("dtype", "bBhHiIqQ")
def test_ids_of_any_size_are_counted(rng, dtype):
    W, ids = rng.standard_normal((1000, 3)), np.array([[3, 5], [3, 100]], dtype)
    dout = rng.standard_normal((2, 3))
    layer, plain = (layers.EmbeddingBag(W, mode="sum", scale_grad_by_freq=True) for _ in range(2))
    for bag, idx in ((layer, ids), (plain, ids.astype("q"))):
        bag.forward(idx)
        bag.backward(dout)
    np.testing.assert_array_equal(layer.grads[0], plain.grads[0])


def test_sparse_gradients_of_no_ids():
    for mode in MODES:
        layer = layers.EmbeddingBag(np.ones((4, 3), "f"), mode=mode, sparse=True)
        for ids, rows in (([1, 2], 2), ([], 0)):
            assert layer.forward(ids, [0, 0]).any() == (rows > 0)
            layer.backward(np.ones((2, 3), "f"))
            assert len(layer.grads[0].rows) == rows


def test_rows_that_are_used_are_shortened_in_place(rng):
    W = rng.standard_normal((9, 5)).astype("f")
    before, ids = W.copy(), np.array([[1, -1], [4, 1]])
    layer = layers.EmbeddingBag(W, mode="sum", max_norm=0.5)
    out = layer.forward(ids)
    norms = np.linalg.norm(W, axis=1)
    np.testing.assert_allclose(norms[[1, 4, 8]], 0.5, rtol=1e-5)
    np.testing.assert_array_equal(W[[0, 2, 3, 5, 6, 7]], before[[0, 2, 3, 5, 6, 7]])
    np.testing.assert_allclose(out, W[ids].sum(axis=1), rtol=1e-6)
