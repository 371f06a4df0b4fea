"""Layers: gradients against finite differences in float64, and against the slow layers."""

import numpy as np
import pytest
from helpers import numeric

from fastembed import attention, functions, layers, models, time_layers
from fastembed.reference import layers as slow

V, N, T, D, H = 7, 3, 4, 5, 4


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def both(name):
    for module in (time_layers, attention):
        if hasattr(module, name):
            return getattr(module, name), getattr(slow, name)
    return getattr(layers, name), getattr(slow, name)


def close(actual, expected, rtol):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    scale = np.abs(expected).max(initial=1e-6)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * scale)


def check_gradients(layer, xs, rng, tolerance=1e-6):
    """Compare backward with differences of sum(out * dout), for inputs and parameters."""
    floats = [x for x in xs if x.dtype == np.float64]
    out = layer.forward(*xs)
    outs = out if isinstance(out, tuple) else (out,)
    douts = [rng.standard_normal(np.shape(o)) for o in outs]

    def value():
        found = layer.forward(*xs)
        found = found if isinstance(found, tuple) else (found,)
        pairs = zip(found, douts, strict=True)
        return sum(float(np.sum(o.astype("d") * dout)) for o, dout in pairs)

    din = layer.backward(*(dout if dout.ndim else dout.item() for dout in douts))
    din = din if isinstance(din, tuple) else () if din is None else (din,)
    analytic = [*din, *[grad.copy() for grad in layer.grads]]
    variables = [*floats[: len(din)], *layer.params]
    assert len(analytic) == len(variables)
    for gradient, x in zip(analytic, variables, strict=True):
        places = [tuple(rng.integers(0, n) for n in x.shape) for _ in range(6)]
        close([gradient[place] for place in places], numeric(value, x, places), tolerance)


def weights(rng, *shapes):
    return [0.5 * rng.standard_normal(shape) for shape in shapes]


STEP_CASES = {
    "MatMul": ([(D, H)], [(N, D)]),
    "Affine": ([(D, H), (H,)], [(N, D)]),
    "Softmax": ([], [(N, V)]),
    "Sigmoid": ([], [(N, V)]),
    "RNN": ([(D, H), (H, H), (H,)], [(N, D), (N, H)]),
    "LSTM": ([(D, 4 * H), (H, 4 * H), (4 * H,)], [(N, D), (N, H), (N, H)]),
    "GRU": ([(D, 3 * H), (H, 3 * H), (3 * H,)], [(N, D), (N, H)]),
    "TimeAffine": ([(D, H), (H,)], [(N, T, D)]),
    "WeightSum": ([], [(N, T, H), (N, T)]),
    "AttentionWeight": ([], [(N, T, H), (N, H)]),
    "Attention": ([], [(N, T, H), (N, H)]),
    "TimeAttention": ([], [(N, T, H), (N, 6, H)]),
}


@pytest.mark.parametrize("width", [D, H])  # with H, an array fits where another belongs
@pytest.mark.parametrize("name", STEP_CASES)
def test_gradients(name, width, rng):
    params, xs = (
        [tuple(width if n == D else n for n in shape) for shape in shapes]
        for shapes in STEP_CASES[name]
    )
    check_gradients(both(name)[0](*weights(rng, *params)), weights(rng, *xs), rng)


@pytest.mark.parametrize(
    ("name", "gates", "twice"),
    [("TimeRNN", 1, 1), ("TimeLSTM", 4, 1), ("TimeGRU", 3, 1), ("TimeBiLSTM", 4, 2)],
)
def test_gradients_of_sequences(name, gates, twice, rng):
    """Outputs are float32 by contract, so the differences are coarse."""
    params = twice * [(D, gates * H), (H, gates * H), (gates * H,)]
    layer = both(name)[0](*weights(rng, *params))
    xs = rng.standard_normal((N, T, D))
    dhs = rng.standard_normal(layer.forward(xs).shape)
    dxs = layer.backward(dhs)

    def value():
        return float(np.sum(layer.forward(xs).astype("d") * dhs))

    for gradient, x in [(dxs, xs), *zip(layer.grads, layer.params, strict=True)]:
        places = [tuple(rng.integers(0, n) for n in x.shape) for _ in range(5)]
        gradient = gradient.copy()
        close([gradient[place] for place in places], numeric(value, x, places, 1e-2), 5e-3)


@pytest.mark.parametrize("name", ["Embedding", "TimeEmbedding"])
def test_gradient_of_embeddings(name, rng):
    fast, _ = both(name)
    layer = fast(rng.standard_normal((V, D)))
    ids = rng.integers(0, V, (N, T))
    dout = rng.standard_normal(layer.forward(ids).shape)
    layer.backward(dout)
    expected = np.zeros((V, D))
    np.add.at(expected, ids, dout)
    close(layer.grads[0], expected, 1e-12)


@pytest.mark.parametrize("name", ["SoftmaxWithLoss", "TimeSoftmaxWithLoss", "SigmoidWithLoss"])
def test_gradients_of_losses(name, rng):
    layer = both(name)[0]()
    shape = {"SoftmaxWithLoss": (N, V), "TimeSoftmaxWithLoss": (N, T, V)}.get(name, (8,))
    x = rng.standard_normal(shape)
    t = rng.integers(0, 2, shape) if name.startswith("Sig") else rng.integers(0, V, shape[:-1])
    layer.forward(x, t)
    dx = np.array(layer.backward(1.5))
    places = [tuple(rng.integers(0, n) for n in shape) for _ in range(8)]
    slopes = 1.5 * numeric(lambda: layer.forward(x, t), x, places)
    close([dx[place] for place in places], slopes, 1e-5)


LOSSES = {
    "SoftmaxWithLoss": ((N, V), (N,), V),
    "TimeSoftmaxWithLoss": ((N, T, V), (N, T), V),
    "Simple_TimeSoftmaxWithLoss": ((N, T, V), (N, T), V),
    "SigmoidWithLoss": ((N,), (N,), 2),
    "TimeSigmoidWithLoss": ((N, T), (N, T), 2),
}


@pytest.mark.parametrize("dtype", ["f", "d", "e", "i"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_equal_the_slow_ones(name, dtype, rng):
    shape, label_shape, classes = LOSSES[name]
    x = (3 * rng.standard_normal(shape)).astype(dtype)
    t = rng.integers(0, classes, label_shape)
    fast, twin = (make() for make in both(name))
    rtol = {"d": 1e-12, "e": 5e-3}.get(dtype, 1e-5)
    close(fast.forward(x, t), twin.forward(x, t), rtol)
    close(fast.backward(0.5), twin.backward(0.5), max(rtol, 1e-6 if "Time" in name else 0))
    if hasattr(twin, "layers"):
        assert len(fast.layers) == T
        close(fast.layers[1].backward(), twin.layers[1].backward(), rtol)


@pytest.mark.parametrize(
    "name", ["SoftmaxWithLoss", "TimeSoftmaxWithLoss", "Simple_TimeSoftmaxWithLoss"]
)
def test_losses_take_one_hot_labels(name, rng):
    shape, label_shape, classes = LOSSES[name]
    x, t = rng.standard_normal(shape).astype("f"), rng.integers(0, classes, label_shape)
    a, b = both(name)[0](), both(name)[0]()
    assert a.forward(x, t) == b.forward(x, np.eye(V, dtype=int)[t])
    np.testing.assert_array_equal(a.backward(), b.backward())


def test_float_labels_raise_index_error(rng):
    x = rng.standard_normal((N, T, V)).astype("f")
    with pytest.raises(IndexError, match="integer"):
        time_layers.TimeSoftmaxWithLoss().forward(x, np.zeros((N, T)))
    with pytest.raises(IndexError):
        time_layers.TimeSoftmaxWithLoss().forward(x, np.full((N, T), V))


def test_another_ignore_label(rng):
    x, t = rng.standard_normal((N, T, V)).astype("f"), rng.integers(0, V, (N, T))
    fast, twin = (make() for make in both("TimeSoftmaxWithLoss"))
    fast.ignore_label = twin.ignore_label = 2
    t[0, 0] = -1  # the last class, since it is not ignored
    t[1, 1] = 2
    close(fast.forward(x, t), twin.forward(x, t), 1e-5)
    close(fast.backward(), twin.backward(), 1e-5)


@pytest.mark.parametrize("dtypes", ["fff", "ddd", "fdd", "dff", "eff"])
@pytest.mark.parametrize("dout", [1, 0.5])
def test_output_layer_and_loss_in_one(dtypes, dout, rng):
    """The same as the two layers, also when backward is called twice after its grads changed."""
    xs = rng.standard_normal((N, T, D)).astype(dtypes[0])
    W, b = rng.standard_normal((D, V)).astype(dtypes[1]), rng.standard_normal(V).astype(dtypes[2])
    ts = rng.integers(-1, V, (N, T))
    affine, loss = slow.TimeAffine(W, b), slow.TimeSoftmaxWithLoss()
    one = time_layers.TimeAffineSoftmaxWithLoss(W, b)
    rtol = 1e-12 if dtypes == "ddd" else 1e-5
    close(one.forward(xs, ts), loss.forward(affine.forward(xs), ts), rtol)
    dxs = affine.backward(loss.backward(dout))
    for _ in range(2):
        close(one.backward(dout), dxs, rtol)
        for grad, expected in zip(one.grads, affine.grads, strict=True):
            close(grad, expected, rtol)
            grad *= 3
    one_hot = np.eye(V, dtype=int)[np.maximum(ts, 0)]
    close(one.forward(xs, one_hot), one.forward(xs, np.maximum(ts, 0)), 0)
    with pytest.raises(IndexError, match="integer"):
        one.forward(xs, ts.astype(float))
    assert np.isnan(one.forward(xs, np.full((N, T), -1)))
    assert np.isnan(one.backward()).all() and np.isnan(one.grads[0]).all()


@pytest.mark.parametrize("dtype", ["f", "d", "e"])
def test_smoothed_labels_equal_the_slow_ones(dtype, rng):
    x = (3 * rng.standard_normal((N, T, V))).astype(dtype)
    t = rng.integers(-1, V, (N, T))
    fast, twin = time_layers.TimeSoftmaxWithLoss(0.3), slow.TimeSmoothedSoftmaxWithLoss(0.3)
    rtol = {"d": 1e-12, "e": 5e-3}.get(dtype, 1e-5)
    close(fast.forward(x, t), twin.forward(x, t), rtol)
    for _ in range(3):  # from the second call on, each works on what the one before has left
        close(fast.backward(0.5), twin.backward(0.5), rtol)
    fast.forward(x, t), twin.forward(x, t)
    for ours, theirs in zip(fast.cache, twin.cache, strict=True):  # labels, probabilities, …
        there = t.reshape(-1) != -1  # ours are zero where labels are ignored
        close(*(np.asarray(part)[there] if np.ndim(part) == 2 else part for part in (ours, theirs)),
              rtol)  # fmt: skip
    fast.train_flg = False  # what is told is the loss itself
    plain = time_layers.TimeSoftmaxWithLoss()
    assert fast.forward(x, t) == plain.forward(x, t)
    close(fast.backward(0.5), plain.backward(0.5), 0)  # made now


def test_a_model_trains_on_smoothed_labels_and_tells_the_loss_itself(rng):
    ids = rng.integers(0, V, (N, T + 1))
    xs, ts = ids[:, :-1], ids[:, 1:]
    model = models.Rnnlm(V, D, H)
    plain = model.forward(xs, ts)
    model.reset_state()
    model.loss_layer.label_smoothing = 0.2
    scores = model.predict(xs)
    model.reset_state()
    smoothed = slow.TimeSmoothedSoftmaxWithLoss(0.2).forward(scores, ts)
    close(model.forward(xs, ts), smoothed, 1e-5)
    model.reset_state()
    close(model.forward(xs, ts, train_flg=False), plain, 1e-6)


def test_output_layer_may_share_the_arrays_of_a_time_affine(rng):
    affine = time_layers.TimeAffine(*weights(rng, (D, V), (V,)))
    one = time_layers.TimeAffineSoftmaxWithLoss.of(affine)
    assert one.params is affine.params and one.grads is affine.grads


def test_simple_time_affine(rng):
    W, b = (w.astype("f") for w in weights(rng, (D, H), (H,)))
    fast, twin = (make(W, b) for make in both("Simple_TimeAffine"))
    x, dout = (rng.standard_normal((N, T, n)).astype("f") for n in (D, H))
    close(fast.forward(x), twin.forward(x), 1e-5)
    close(fast.backward(dout), twin.backward(dout), 1e-5)
    close(fast.dW, twin.dW, 1e-5)
    close(fast.db, twin.db, 1e-5)


def test_negative_sampling_loss_equals_the_slow_one(rng):
    corpus = rng.integers(0, V + 4, 300)
    W = rng.standard_normal((V + 4, D)).astype("f")
    h, target = rng.standard_normal((N, D)).astype("f"), rng.integers(0, V, N)
    results = []
    for module in (layers, slow):
        np.random.seed(1)
        layer = module.NegativeSamplingLoss(W, corpus, sample_size=5)
        loss = layer.forward(h, target)
        results.append([loss, layer.backward(2.0), *layer.grads])
        assert len(layer.params) == 6 and all(param is W for param in layer.params)
    for a, b in zip(*results, strict=True):
        close(a, b, 1e-5)


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("size", [1, 7, 16, 40, 131])
def test_small_layers_at_any_width(size, dtype, rng):
    """Whole vectors and what is left of them."""
    x, dout = 3 * rng.standard_normal((2, N, size)).astype(dtype)
    x[0, 0], x[-1, -1] = -1000, 1000
    rtol = 1e-5 if dtype == "f" else 1e-12
    fast, twin = (make() for make in both("Sigmoid"))
    with np.errstate(over="ignore"):
        close(fast.forward(x), twin.forward(x), rtol)
    close(fast.backward(dout), twin.backward(dout), rtol)
    W, ids = rng.standard_normal((V, size)).astype(dtype), rng.integers(-V, V, N)
    fast, twin = (make(W) for make in both("EmbeddingDot"))
    h = rng.standard_normal((N, size)).astype(dtype)
    out = fast.forward(h, ids)
    close(out, twin.forward(h, ids), rtol)
    close(fast.backward(out), twin.backward(out), rtol)
    close(fast.grads[0], twin.grads[0], rtol)


@pytest.mark.parametrize("dtype", ["f", "d", "e", "i", ">f4"])
def test_relu_and_sigmoid_of_all_shapes_equal_numpy(dtype, rng):
    x = (4 * rng.standard_normal((5, 6, 7))).astype(dtype)
    special = np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan] if dtype != "i" else 0, dtype)
    for part in (x, x.T, x[::2], x[0, 0, :0], x[0, 0, 0], np.array(x[0, 0, 0]), special):
        for fast, twin in ((functions.relu, slow.relu), (functions.sigmoid, slow.sigmoid)):
            with np.errstate(over="ignore"):
                out, expected = fast(part), twin(part)
            assert type(out) is type(expected) and out.dtype == expected.dtype
            np.testing.assert_allclose(out, expected, 1e-6 if out.dtype != np.float64 else 1e-14)


@pytest.mark.parametrize("name", ["Dropout", "TimeDropout"])
def test_a_draw_equal_to_the_ratio_is_dropped(monkeypatch, name):
    for cls in both(name):
        for draw in ("random_sample", "rand"):
            monkeypatch.setattr(np.random, draw, lambda *_: np.array([[[0.25, 0.25 + 1e-16]]]))
        layer = cls(0.25)
        layer.train_flg = True
        out = layer.forward(np.ones((1, 1, 2), "f"))
        assert list(out.ravel() != 0) == [False, True]


@pytest.mark.parametrize("name", ["Dropout", "TimeDropout"])
@pytest.mark.parametrize("dtype", ["f", "d", "e"])
@pytest.mark.parametrize("shape", [(N, T, D), (3, 100, 70)])  # drawn at once, and in pieces
def test_dropout_equals_the_slow_one(name, dtype, shape, rng):
    x, dout = rng.standard_normal((2, *shape)).astype(dtype)
    results = []
    for make in both(name):
        np.random.seed(4)
        layer = make(0.4)
        results.append([layer.forward(x), layer.backward(dout), np.random.random_sample()])
    for a, b in zip(*results, strict=True):
        close(a, b, 1e-6)


def test_labels_out_of_range_raise_index_error(rng):
    x = rng.standard_normal((N, V)).astype("f")
    for wrong in (V, -V - 1):
        with pytest.raises(IndexError):
            layers.SoftmaxWithLoss().forward(x, np.full(N, wrong))
    with pytest.raises(IndexError):
        layers.SigmoidWithLoss().forward(x[0], np.full(V, 2))


def test_sampler_counts_gaps_and_refuses_what_cannot_be_drawn():
    sampler = layers.UnigramSampler([0, 0, 1, 5], 1.0, 1)
    twin = slow.UnigramSampler([0, 0, 1, 5], 1.0, 1)
    assert sampler.vocab_size == twin.vocab_size == 3
    np.testing.assert_array_equal(sampler.word_p, twin.word_p)
    other = layers.UnigramSampler([-1, 0, 1, 1], 1.0, 1)
    np.testing.assert_allclose(other.word_p, [1 / 3, 2 / 3, 0])
    sampler.sample_size = 2
    with pytest.raises(ValueError, match="cannot be drawn"):
        sampler.get_negative_sample(np.array([0]))


def test_sampler_has_the_distribution_of_the_book(rng):
    """No target, no duplicates, and frequencies as p says (chi-square, 200 000 draws)."""
    p = np.array([0.4, 0.3, 0.2, 0.05, 0.05])
    sampler = layers.UnigramSampler([0], 1.0, 1)
    sampler.vocab_size, sampler.word_p = 5, p
    np.random.seed(0)
    target = np.repeat(np.arange(5), 40000)
    drawn = sampler.get_negative_sample(target)[:, 0]
    assert not (drawn == target).any()
    for k in range(5):
        expected = np.where(np.arange(5) == k, 0, p) / (1 - p[k]) * 40000
        counts = np.bincount(drawn[target == k], minlength=5)
        others = np.arange(5) != k
        chi2 = np.sum((counts - expected)[others] ** 2 / expected[others])
        assert chi2 < 16.3  # three degrees of freedom, p = 0.001
    sampler.sample_size = 4
    rows = sampler.get_negative_sample(target[::100])
    assert all(len(set(row)) == 4 for row in rows)


def test_cells_broadcast_a_batch_of_one_and_a_plain_zero(rng):
    params = weights(rng, (D, 4 * H), (H, 4 * H), (4 * H,))
    fast, twin = (make(*params) for make in both("LSTM"))
    x = rng.standard_normal((N, D))
    state = rng.standard_normal((1, H))
    for a, b in zip(fast.forward(x, state, state), twin.forward(x, state, state), strict=True):
        close(a, b, 1e-12)
    h = np.zeros((N, H))
    fast.forward(x, h, h)
    twin.forward(x, h, h)
    for a, b in zip(fast.backward(h + 1, 0), twin.backward(h + 1, 0), strict=True):
        close(a, b, 1e-12)


def test_no_steps_at_all(rng):
    layer = time_layers.TimeLSTM(*weights(rng, (D, 4 * H), (H, 4 * H), (4 * H,)))
    assert layer.forward(np.zeros((N, 0, D), "f")).shape == (N, 0, H)
    np.testing.assert_array_equal(layer.h, 0)


def test_gru_keeps_its_gradients_as_attributes(rng):
    layer = layers_gru(rng)
    layer.backward(np.ones((N, H)))
    for name, grad in zip(("dWx", "dWh", "db"), layer.grads, strict=True):
        np.testing.assert_array_equal(getattr(layer, name), grad)


def layers_gru(rng):
    layer = time_layers.GRU(*weights(rng, (D, 3 * H), (H, 3 * H), (3 * H,)))
    layer.forward(rng.standard_normal((N, D)), np.zeros((N, H)))
    return layer


@pytest.mark.parametrize("name", ["TimeRNN", "TimeLSTM", "TimeGRU"])
def test_layers_survive_pickle_and_deepcopy(name, rng):
    import copy
    import pickle

    gates = {"TimeRNN": 1, "TimeLSTM": 4, "TimeGRU": 3}[name]
    params = weights(rng, (D, gates * H), (H, gates * H), (gates * H,))
    layer = both(name)[0](*[p.astype("f") for p in params], stateful=True)
    x = rng.standard_normal((N, T, D)).astype("f")
    layer.forward(x)
    twins = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    dhs = np.ones((N, T, H), "f")
    expected = layer.backward(dhs)
    for twin in twins:
        np.testing.assert_array_equal(twin.backward(dhs), expected)
        np.testing.assert_array_equal(twin.grads[0], layer.grads[0])


def test_two_python_threads_use_their_own_layers(rng):
    from concurrent.futures import ThreadPoolExecutor

    params = [w.astype("f") for w in weights(rng, (D, 4 * H), (H, 4 * H), (4 * H,))]
    x = rng.standard_normal((8, N, T, D)).astype("f")
    expected = [time_layers.TimeLSTM(*params).forward(each) for each in x]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: time_layers.TimeLSTM(*params).forward(each), x))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
