"""Row-sparse gradients: equal ids found, optimizers that step some rows, models trained by them."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from helpers import COUNTS, DTYPES, numeric

from fastembed import layers, models, ops, optimizer, reference, time_layers, trainer, util
from fastembed.ops.negative_sampling import Weights
from fastembed.ops.optim import step_rows_if_fit
from fastembed.ops.sparse import Groups, groups_if_fit
from fastembed.reference import layers as slow
from fastembed.reference import training as slow_training
from fastembed.sparse import Frozen, RowSparse

V, D = 11, 5
BY_ROWS = ["SparseSGD", "SparseMomentum", "SparseAdaGrad", "RowWiseAdaGrad", "LazyAdam"]
EXACT = {"SGD": "SGD", "SparseSGD": "SGD", "AdaGrad": "AdaGrad", "SparseAdaGrad": "AdaGrad"}
TOLERANCE = {"f": 1e-5, "d": 1e-12, "e": 1e-2}


def equal(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def gradient(rng, count=4, shape=(V, D), dtype="f"):
    rows = np.sort(rng.choice(shape[0], count, replace=False))
    return RowSparse(rows, rng.standard_normal((count, shape[1])).astype(dtype), shape)


# ---- coalesce


@pytest.mark.parametrize("num_rows", [1, 2, 23, 2048, 2049, 10**6, 2**40])
@pytest.mark.parametrize("count", [0, 1, 2, 24, 25, 100, 101, 3000])
def test_ids_of_any_range_are_sorted(rng, count, num_rows):
    low = min(num_rows, 400) if count % 2 else num_rows  # many that are equal, or few
    idx = rng.integers(0, low, count)
    idx[::3] -= num_rows
    dout = rng.standard_normal((count, 3))
    equal(ops.coalesce(idx, dout, num_rows), reference.coalesce(idx, dout, num_rows))


def test_sums_have_the_bits_of_scatter_add_at_any_thread_count(rng, set_threads):
    idx, dout = rng.zipf(1.3, (300, 40)) % 900, rng.standard_normal((300, 40, 70)).astype("f")
    dense = ops.scatter_add(np.zeros((900, 70), "f"), idx, dout)
    for count in COUNTS:
        set_threads(count)
        rows, values = ops.coalesce(idx, dout, 900)
        np.testing.assert_array_equal(rows, np.unique(idx))
        np.testing.assert_array_equal(values, dense[rows])


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("padding_idx", [0, 3, -1])
def test_padding_is_left_out(rng, padding_idx, mean):
    for count in (7, 500):
        idx, dout = rng.integers(-V, V, count), rng.standard_normal((count, D))
        rows, values = ops.coalesce(idx, dout, V, padding_idx=padding_idx, mean=mean)
        expected = reference.coalesce(idx, dout, V, padding_idx=padding_idx, mean=mean)
        assert padding_idx % V not in rows
        np.testing.assert_array_equal(rows, expected[0])
        np.testing.assert_allclose(values, expected[1], rtol=1e-12)
    only = ops.coalesce([padding_idx] * 3, np.ones((3, D)), V, padding_idx=padding_idx)
    assert [array.shape for array in only] == [(0,), (0, D)]


def test_it_is_the_adjoint_of_gather(rng):
    idx, w = rng.integers(0, V, (3, 4)), rng.standard_normal((3, 4, D))
    W = rng.standard_normal((V, D))
    expected = numeric(lambda: np.sum(w * ops.gather(W, idx)), W)
    rows, values = ops.coalesce(idx, w, V)
    np.testing.assert_allclose(RowSparse(rows, values, W.shape).to_dense(), expected, atol=1e-7)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (dict(idx=[0, V]), IndexError, rf"idx\[1\] = {V} is out of bounds for a table with {V}"),
        (dict(idx=[0.0, 1.0]), TypeError, "idx must be an integer array"),
        (dict(dout=np.ones((3, D))), ValueError, r"dout must have shape \(2, 'D'\), got \(3, 5\)"),
        (dict(dout=np.ones((2, D), "e")), TypeError, "dout must be float32 or float64"),
        (dict(num_rows=1.5), TypeError, "num_rows must be an integer, got 1.5"),
        (dict(num_rows=-1), ValueError, r"num_rows must be in \[0, 2\*\*62\), got -1"),
        (dict(num_rows=2**62 - 1), ValueError, r"num_rows must be at most 2\*\*61, got"),
        (dict(padding_idx=V), ValueError, rf"padding_idx must be in \[-{V}, {V}\), got {V}"),
    ],
)
def test_coalesce_refuses(given, error, message):
    good = dict(idx=[0, 1], dout=np.ones((2, D)), num_rows=V)
    with pytest.raises(error, match=message):
        ops.coalesce(**good | given)


@pytest.mark.parametrize("count", [0, 5, 500])
def test_places_lead_back_to_the_ids(rng, count):
    idx = rng.integers(-V, V, count)
    groups = groups_if_fit(idx, V)
    np.testing.assert_array_equal(groups.rows[groups.places()], idx % V)


def test_groups_of_nothing_have_no_places():
    assert Groups().places().shape == (0,)


# ---- the gradient


def test_rows_are_sorted_and_added_up(rng):
    values = rng.standard_normal((4, D)).astype("f")
    grad = RowSparse([5, -1, 2, 5], values, (V, D))
    np.testing.assert_array_equal(grad.rows, [2, 5, V - 1])
    np.testing.assert_array_equal(grad.values, [values[2], values[0] + values[3], values[1]])
    dense = np.zeros((V, D), "f")
    np.add.at(dense, [5, -1, 2, 5], values)
    np.testing.assert_array_equal(grad.to_dense(), dense)
    assert repr(grad) == "RowSparse(3 of 11 rows of 5, float32)" and grad.dtype == np.float32
    matrix = grad.to_scipy()
    assert matrix.shape == (V, D) and matrix.nnz == 3 * D and matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix.toarray(), dense)
    assert RowSparse.like(dense).to_scipy().nnz == 0


@pytest.mark.parametrize(
    ("rows", "values", "shape", "error", "message"),
    [
        ([0, 1], np.ones((3, D)), (V, D), ValueError, r"must have shapes \(U,\) and \(U, 5\)"),
        ([0], np.ones((1, D + 1)), (V, D), ValueError, r"got \(1,\) and \(1, 6\)"),
        ([[0]], np.ones((1, D)), (V, D), ValueError, "rows and values must have shapes"),
        ([V], np.ones((1, D)), (V, D), IndexError, "11 is out of bounds"),
        ([0.5], np.ones((1, D)), (V, D), TypeError, "rows must be an integer array"),
        ([0], np.ones((1, D), int), (V, D), TypeError, "values must be floating point, got int64"),
        ([0], np.ones((1, D)), (V,), ValueError, r"shape must be \(V, D\), got \(11,\)"),
        ([0], np.ones((1, D)), (V, 5.0), TypeError, "shape must be an integer, got 5.0"),
    ],
)
def test_row_sparse_refuses(rows, values, shape, error, message):
    with pytest.raises(error, match=message):
        RowSparse(rows, values, shape)
    with pytest.raises(ValueError, match="W must have 2 axes"):
        RowSparse.like(np.ones(3))


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies(rng, how):
    grad = gradient(rng)
    other = how(grad)
    equal([other.rows, other.values], [grad.rows, grad.values])
    assert other.shape == grad.shape and (other.values is grad.values) == (how is copy.copy)


def test_without_scipy_it_says_what_to_install(monkeypatch, rng):
    monkeypatch.setitem(__import__("sys").modules, "scipy.sparse", None)
    with pytest.raises(ImportError, match="pip install scipy"):
        gradient(rng).to_scipy()


# ---- the layers' options

OPTIONS = [
    {},
    dict(padding_idx=3),
    dict(padding_idx=-1),
    dict(max_norm=0.9),
    dict(max_norm=1.1, norm_type=1.0),
    dict(max_norm=0.5, norm_type=np.inf),
    dict(scale_grad_by_freq=True),
    dict(padding_idx=0, max_norm=1.0, norm_type=3, scale_grad_by_freq=True),
    dict(freeze=True, max_norm=1),
]
every_option = pytest.mark.parametrize("options", OPTIONS, ids=repr)


def dense(grad):
    return grad if isinstance(grad, np.ndarray) else grad.to_dense()


@every_option
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", "fde")
@pytest.mark.parametrize("name", ["Embedding", "TimeEmbedding"])
def test_options(rng, name, dtype, sparse, options):
    W = (rng.standard_normal((V, D)) / 2).astype(dtype)
    twin = slow._EmbeddingWithOptions(W.copy(), **options)
    layer = getattr(time_layers, name)(W, sparse=sparse, **options)
    grad = layer.grads[0]
    assert (type(grad) is np.ndarray) == (not sparse and not options.get("freeze"))
    for _ in range(3):
        idx = rng.integers(-V, V, (4, 6))
        out, expected = layer.forward(idx), twin.forward(idx)
        assert out.dtype == ("f" if name == "TimeEmbedding" else dtype)
        np.testing.assert_allclose(out, expected, rtol=max(TOLERANCE[dtype], 1e-6))
        np.testing.assert_allclose(W, twin.params[0], rtol=TOLERANCE[dtype])
        dout = rng.standard_normal((4, 6, D)).astype(dtype)
        layer.backward(dout)
        twin.backward(dout)
        assert layer.grads[0] is grad and grad.dtype == dtype and layer.params[0] is W
        np.testing.assert_allclose(
            dense(grad), twin.grads[0], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
        )


def test_plain_layers_have_no_options():
    layer = layers.Embedding(np.ones((V, D)))
    assert vars(layer).keys() == {"params", "grads"}
    layer = time_layers.TimeEmbedding(np.ones((V, D)))
    assert vars(layer).keys() == {"params", "grads", "W"}


@pytest.mark.parametrize("idx", [3, [3, 3, 1], np.array([[1, -V]]), np.zeros((0, 2), int), []])
@pytest.mark.parametrize("sparse", [False, True])
def test_options_with_ids_of_any_shape(rng, sparse, idx):
    options = dict(padding_idx=1, max_norm=0.5, scale_grad_by_freq=True)
    W = rng.standard_normal((V, D))
    twin = slow._EmbeddingWithOptions(W.copy(), **options)
    layer = layers.Embedding(W, sparse=sparse, **options)
    idx = idx if np.size(idx) else np.asarray(idx, int)
    out = layer.forward(idx)
    np.testing.assert_allclose(out, twin.forward(idx), rtol=1e-12)
    layer.backward(np.ones_like(out))
    twin.backward(np.ones_like(out))
    np.testing.assert_allclose(dense(layer.grads[0]), twin.grads[0], rtol=1e-12)


@pytest.mark.parametrize("options", OPTIONS[:3], ids=repr)  # others are no gradients of forward
def test_gradients_are_central_differences(rng, options):
    W, idx, w = rng.standard_normal((V, D)), rng.integers(0, V, 9), rng.standard_normal((9, D))
    layer = layers.Embedding(W, sparse=True, **options)
    expected = numeric(lambda: np.sum(layer.forward(idx) * w), W)
    if "padding_idx" in options:
        expected[options["padding_idx"]] = 0
    layer.forward(idx)
    layer.backward(w)
    np.testing.assert_allclose(layer.grads[0].to_dense(), expected, atol=1e-7)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(padding_idx=V), ValueError, rf"padding_idx must be in \[-{V}, {V}\), got {V}"),
        (dict(padding_idx=0.5), TypeError, "padding_idx must be an integer, got 0.5"),
        (dict(max_norm="1"), TypeError, "max_norm must be a real number"),
        (dict(max_norm=-1), ValueError, "max_norm must be at least 0, got -1"),
        (dict(max_norm=np.nan), ValueError, "max_norm must be at least 0, got nan"),
        (dict(max_norm=1, norm_type=None), TypeError, "norm_type must be a real number"),
        (dict(mode="sum"), TypeError, "mode"),
    ],
)
def test_options_that_are_refused(options, error, message):
    for name in ("Embedding", "TimeEmbedding"):
        with pytest.raises(error, match=message):
            getattr(time_layers, name)(np.ones((V, D)), **options)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("options", [{}, dict(padding_idx=2), dict(scale_grad_by_freq=True)])
def test_a_gradient_of_any_shape_that_broadcasts(options, sparse):
    layer = layers.Embedding(np.ones((V, D), "f"), sparse=sparse, **options)
    idx = np.array([[1, 3, 1], [4, 9, 0]])
    layer.forward(idx)
    for wrong in ((2, 3, D + 1), (2, 3, D - 1), (3, 2, D), (2, 3)):
        with pytest.raises(ValueError, match=rf"dout must have shape \(2, 3, {D}\), got"):
            layer.backward(np.ones(wrong, "f"))
    grads = []
    for dout in (np.full((2, 3, D), 2.0, "f"), np.full((3, 1), 2, "f"), np.full(D, 2), [D * [2]]):
        layer.backward(dout)
        grads.append(layer.grads[0].to_dense() if sparse else layer.grads[0].copy())
        np.testing.assert_array_equal(grads[-1], grads[0])


@pytest.mark.parametrize("name", ["Embedding", "TimeEmbedding"])
def test_pretrained_vectors(rng, name):
    W = rng.standard_normal((V, D)).astype("f")
    layer = getattr(time_layers, name).from_pretrained(W, padding_idx=2)
    assert layer.params[0] is W and isinstance(layer.grads[0], Frozen) and layer.padding_idx == 2
    layer = getattr(time_layers, name).from_pretrained(W, freeze=False)
    assert type(layer.grads[0]) is np.ndarray
    with pytest.raises(TypeError, match=r"W must be a numpy\.ndarray, got list"):
        getattr(time_layers, name).from_pretrained(W.tolist())
    with pytest.raises(ValueError, match=rf"W must have 2 axes, got shape \({D},\)"):
        getattr(time_layers, name).from_pretrained(W[0])
    W.flags.writeable = False
    with pytest.raises(ValueError, match="W must be writable for max_norm, got a read-only array"):
        getattr(time_layers, name).from_pretrained(W, max_norm=1)


def test_sparse_takes_no_memory_of_the_table(rng):
    W, ids = np.zeros((1_000_000, 50), "f"), rng.integers(0, 1_000_000, (20, 100))
    for _ in range(2):  # the first one loads what is loaded once
        tracemalloc.start()
        layer, step = layers.Embedding(W, sparse=True, padding_idx=0), optimizer.SparseSGD(0.1)
        out = layer.forward(ids)
        layer.backward(np.ones_like(out))
        step.update(layer.params, layer.grads)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 5 * out.nbytes
    assert np.count_nonzero(W.any(axis=1)) == len(layer.grads[0].rows)


# ---- optimizers


def names_of(optimizers):
    return [name for name in optimizer.__all__ if name != "np" and optimizers(name)]


@pytest.mark.parametrize("order", ["C", "F", "strided", "memmap"])
@pytest.mark.parametrize("dtype", "fde")
@pytest.mark.parametrize("name", [*BY_ROWS, "SGD", "AdaGrad"])
def test_rows_are_stepped_as_the_twins_do(rng, tmp_path, name, dtype, order):
    start = rng.standard_normal((V, D)).astype(dtype)
    table = {
        "C": start.copy,
        "F": lambda: np.asfortranarray(start),
        "strided": lambda: np.repeat(start, 2, axis=1)[:, ::2],
        "memmap": lambda: np.memmap(tmp_path / "W", dtype, "w+", shape=start.shape),
    }[order]()
    table[...] = start
    params, plain = [table, np.ones(D, dtype)], [start.copy(), np.ones(D, dtype)]
    fast = getattr(optimizer, name)(0.1)
    twin = getattr(slow_training, name if name in BY_ROWS else "Sparse" + name)(0.1)
    touched = set()
    for _ in range(4):
        grads = [gradient(rng, dtype=dtype), rng.standard_normal(D).astype(dtype)]
        touched |= set(grads[0].rows)
        before = grads[0].values.copy()
        fast.update(params, grads)
        twin.update(plain, grads)
        np.testing.assert_array_equal(grads[0].values, before)
    for a, b in zip(params, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    for state in getattr(optimizer, name).states:
        for a, b in zip(getattr(fast, state), getattr(twin, state), strict=True):
            np.testing.assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    others = sorted(set(range(V)) - touched)
    np.testing.assert_array_equal(table[others], start[others])


@pytest.mark.parametrize("name", EXACT)
def test_exact_ones_have_the_bits_of_their_dense_twins(rng, name):
    W = rng.standard_normal((V, D)).astype("f")
    other = W.copy()
    fast, twin = getattr(optimizer, name)(0.1), getattr(optimizer, EXACT[name])(0.1)
    for _ in range(5):
        grad = gradient(rng)
        fast.update([W], [grad])
        twin.update([other], [grad.to_dense()])
        np.testing.assert_array_equal(W, other)


@pytest.mark.parametrize("name", ["SparseMomentum", "LazyAdam"])
def test_where_every_row_has_a_gradient_it_is_the_dense_one(rng, name):
    W = rng.standard_normal((V, D)).astype("f")
    other = W.copy()
    dense_name = {"SparseMomentum": "Momentum", "LazyAdam": "Adam"}[name]
    fast, twin = getattr(optimizer, name)(0.1), getattr(optimizer, dense_name)(0.1)
    for _ in range(5):
        grad = gradient(rng, V)
        fast.update([W], [grad])
        twin.update([other], [grad.to_dense()])
        np.testing.assert_array_equal(W, other)


@pytest.mark.parametrize("name", BY_ROWS)
def test_bits_at_any_number_of_threads(rng, set_threads, name):
    shape, results = (3000, 130), []
    start, grads = rng.standard_normal(shape).astype("f"), [gradient(rng, 900, shape)] * 3
    for count in COUNTS:
        set_threads(count)
        W, step = start.copy(), getattr(optimizer, name)(0.1)
        for grad in grads:
            step.update([W], [grad])
        results.append(W)
    for W in results[1:]:
        np.testing.assert_array_equal(W, results[0])


@pytest.mark.parametrize("name", names_of(lambda name: not getattr(optimizer, name).by_rows))
def test_those_that_step_all_rows_refuse_some(rng, name):
    W, b = np.ones((V, D), "f"), np.ones(D, "f")
    step = getattr(optimizer, name)(0.1)
    kept = copy.deepcopy(vars(step))
    with pytest.raises(TypeError, match=f"{name} steps all rows, a RowSparse has some"):
        step.update([b, W], [b.copy(), gradient(rng)])
    assert vars(step) == kept and (W == 1).all() and (b == 1).all()
    step.update([b, W], [b.copy(), np.ones_like(W)])
    with pytest.raises(TypeError, match="LazyAdam|SparseMomentum|to_dense"):
        step.update([b, W], [b.copy(), gradient(rng)])


@pytest.mark.parametrize("name", names_of(lambda name: True))
def test_a_frozen_table_stays_as_it_is(rng, name):
    W, b = rng.standard_normal((V, D)).astype("f"), np.ones(D, "f")
    start, step = W.copy(), getattr(optimizer, name)(0.1)
    layer = layers.Embedding.from_pretrained(W)
    for _ in range(3):
        layer.backward(layer.forward(rng.integers(0, V, 9)))
        params, grads = trainer.remove_duplicate([W, b], [layer.grads[0], np.ones(D, "f")])
        util.clip_grads(grads, 0.1)
        step.update(params, grads)
    np.testing.assert_array_equal(W, start)
    assert (b != 1).all()


def test_a_gradient_of_another_shape_is_refused(rng):
    with pytest.raises(ValueError, match=r"grads\[0\] must have shape \(12, 5\) .* \(11, 5\)"):
        optimizer.SparseSGD().update([np.ones((V + 1, D), "f")], [gradient(rng)])
    step, W = optimizer.RowWiseAdaGrad(), np.ones((V, D), "f")
    step.update([W], [gradient(rng)])
    h, before = step.h[0].copy(), W.copy()
    with pytest.raises(ValueError, match=r"grads\[0\] must have shape \(11, 5\) .* \(11, 2\)"):
        step.update([W], [gradient(rng, shape=(V, 2))])
    np.testing.assert_array_equal(step.h[0], h)
    np.testing.assert_array_equal(W, before)
    W = np.ones((V, D), "f")
    W.flags.writeable = False
    with pytest.raises(ValueError, match=r"params\[0\] must be writable, got a read-only array"):
        optimizer.SparseSGD().update([W], [gradient(rng)])
    optimizer.SparseSGD().update([W], [Frozen.like(W)])


@pytest.mark.parametrize("rows", [[3, 2], [2, 2], [-1, 2], [2, V], [2], [[2], [3]]])
def test_rows_that_somebody_has_spoilt_are_not_stepped(rows):
    W, values = np.ones((V, D)), np.ones((2, D))
    assert not step_rows_if_fit("sgd", (W, values), np.array(rows), (0.1,))
    np.testing.assert_array_equal(W, 1)


def test_a_state_is_made_once_and_a_step_allocates_what_its_rows_take(rng):
    W = np.zeros((200_000, 30), "f")
    step, grads = optimizer.LazyAdam(), [gradient(rng, 50, W.shape)]
    step.update([W], grads)
    tracemalloc.start()
    step.update([W], grads)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000


# ---- clipping and shared weights


@pytest.mark.parametrize("dtype", "fde")
@pytest.mark.parametrize("max_norm", [0.5, 100])
def test_clipping_scales_rows(rng, max_norm, dtype):
    grad, b = gradient(rng, dtype=dtype), rng.standard_normal(D).astype(dtype)
    arrays = [grad.to_dense(), b.copy()]
    util.clip_grads([grad, b], max_norm)
    slow_training.clip_grads(arrays, max_norm)
    for a, e in zip((grad.to_dense(), b), arrays, strict=True):
        np.testing.assert_allclose(a, e, rtol=2 * TOLERANCE[dtype])


@pytest.mark.parametrize("kinds", ["ss", "sd", "ds", "sds", "ssd", "fd", "df", "fs", "sf", "ff"])
@pytest.mark.parametrize("turned", [False, True])
def test_shared_weights_of_any_kinds_of_gradient(rng, kinds, turned):
    """s: row-sparse, d: dense, f: frozen; turned: a dense one is of the transposed weight."""
    W = rng.standard_normal((V, D)).astype("f")
    params, grads, total = [], [], np.zeros((V, D), "f")
    for kind in kinds:
        grad = gradient(rng) if kind == "s" else Frozen.like(W)
        grad = rng.standard_normal((V, D)).astype("f") if kind == "d" else grad
        total += dense(grad)
        transposed = turned and kind == "d"
        params.append(W.T if transposed else W)
        grads.append(np.ascontiguousarray(grad.T) if transposed else grad)
    (param,), (grad,) = trainer.remove_duplicate(params, grads)
    if "d" in kinds:  # in place
        assert np.shares_memory(grad, grads[kinds.index("d")])
    else:
        assert grad is grads[0]
    shown = dense(grad) if param.shape == W.shape else dense(grad).T
    np.testing.assert_allclose(shown, total, rtol=1e-5, atol=1e-6)


def test_a_table_and_its_transpose_both_looked_up(rng):
    W = rng.standard_normal((V, V)).astype("f")
    first, second = gradient(rng, 3, (V, V)), gradient(rng, 4, (V, V))
    expected = first.to_dense() + second.to_dense().T
    (param,), (grad,) = trainer.remove_duplicate([W, W.T], [first, second])
    assert param is W
    np.testing.assert_allclose(grad, expected, rtol=1e-6)


# ---- negative sampling and models


@pytest.mark.parametrize("dout", [1, 0.5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_negative_sampling_has_the_bits_of_the_dense_one(rng, dtype, dout):
    W = rng.standard_normal((V, D)).astype(dtype)
    corpus = np.r_[np.arange(V), rng.zipf(1.5, 99) % V]
    pair = [layers.NegativeSamplingLoss(W, corpus, 0.75, 3, sparse=s) for s in (False, True)]
    h, target = rng.standard_normal((30, D)).astype(dtype), rng.integers(0, V, 30)
    results = []
    for layer in pair:
        np.random.seed(4)
        results.append([layer.forward(h, target), layer.backward(dout), np.random.rand()])
        results[-1] += map(dense, layer.grads)
    equal(*map(lambda found: list(map(np.asarray, found)), results))


CORPUS = np.random.default_rng(0).integers(0, V, 400)
MODELS = {
    "CBOW": (V, D, 2, CORPUS),
    "SkipGram": (V, D, 2, CORPUS),
    "Rnnlm": (V, D, 4),
}


def trained(name, kind, sparse):
    np.random.seed(3)
    model, step = getattr(models, name)(*MODELS[name], sparse=sparse), getattr(optimizer, kind)(0.5)
    if name == "Rnnlm":
        loop = trainer.RnnlmTrainer(model, step, verbose=False)
        loop.fit(CORPUS[:-1], CORPUS[1:], 1, 4, 5, max_grad=0.25, eval_interval=1)
    else:
        loop = trainer.Trainer(model, step, verbose=False)
        contexts, target = util.create_contexts_target(CORPUS, 2)
        loop.fit(contexts, target, 1, 50, max_grad=0.1, eval_interval=1)
    return model, loop.loss_list


@pytest.mark.parametrize("kind", ["SparseSGD", "SparseAdaGrad", "RowWiseAdaGrad"])
@pytest.mark.parametrize("name", MODELS)
def test_models_train_as_with_dense_gradients(name, kind):
    (model, losses), (twin, expected) = (trained(name, kind, sparse) for sparse in (True, False))
    assert isinstance(model.grads[0], RowSparse)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for a, b in zip(model.params, twin.params, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["SparseMomentum", "LazyAdam"])
@pytest.mark.parametrize("name", MODELS)
def test_models_train_with_lazy_optimizers(name, kind):
    model, losses = trained(name, kind, True)
    assert np.isfinite(losses).all() and losses[-1] < 2 * losses[0]


@pytest.mark.parametrize("how", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("name", MODELS)
def test_copies_of_models_train_on(name, how):
    results = []
    for copied in (False, True):
        model, _ = trained(name, "SparseSGD", True)
        model = how(model) if copied else model
        np.random.seed(5)
        target = CORPUS[:16].reshape(4, 4) if name == "Rnnlm" else CORPUS[:4]
        batch = CORPUS[:16].reshape(4, 4), target
        model.forward(*batch)
        model.backward()
        step = optimizer.LazyAdam()
        step.update(*trainer.remove_duplicate(model.params, model.grads))
        results.append([*model.params, *map(dense, model.grads)])
    equal(*results)


# ---- weights summed up once


@pytest.mark.parametrize("count", [2, 3, 7, 50, 3000])
def test_summed_weights_draw_the_same(rng, count):
    for seed in range(30):
        p = 10.0 ** rng.integers(-9, 2, count) * rng.random(count)
        p[rng.random(count) < 0.2] = 0
        if np.count_nonzero(p) < 2:
            continue
        weights, targets = Weights(p), rng.integers(-count, count, 40)
        size = min(5, np.count_nonzero(p) - 1)
        np.random.seed(seed)
        expected = [ops.negative_samples(p, targets, size), np.random.rand()]
        for other in (weights, pickle.loads(pickle.dumps(weights)), copy.deepcopy(weights)):
            np.random.seed(seed)
            np.testing.assert_array_equal(other.draw(targets, size), expected[0])
            assert np.random.rand() == expected[1]


@pytest.mark.parametrize(
    ("p", "targets", "size", "error", "message"),
    [
        ([1.0, -1], [0], 1, ValueError, "p must be finite and nonnegative"),
        ([1.0, 0], [0], 1, ValueError, "1 ids cannot be drawn: 0 have weight"),
        ([1.0, 1], [2], 1, IndexError, r"targets\[0\] = 2 is out of bounds for p with 2"),
        ([1.0, 1], [0], -1, ValueError, "size must be at least 0"),
        ([1, 1], [0], 1, TypeError, "p must be float32 or float64"),
    ],
)
def test_summed_weights_refuse(p, targets, size, error, message):
    with pytest.raises(error, match=message):
        Weights(np.array(p)).draw(targets, size)


def test_a_sampler_without_words():
    assert Weights(np.empty(0)).draw(np.empty(0, int), 0).shape == (0, 0)
