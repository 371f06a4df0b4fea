"""What code written for the book's layers relies on, one named test a row.

Where a row can be compared, it is compared with the slow reference layers, which behave as the
book's do.
"""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from fastembed import attention, functions, layers, models, optimizer, time_layers, trainer, util
from fastembed.base_model import BaseModel
from fastembed.reference import layers as slow

V, N, T, D, H = 11, 3, 6, 5, 4
RECURRENT = {"TimeRNN": 1, "TimeLSTM": 4, "TimeGRU": 3}


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def weights(name, rng, dtype="f"):
    """Parameters of a layer, by its name."""
    gates = RECURRENT.get(name) or RECURRENT.get("Time" + name)
    if gates:
        shapes = [(D, gates * H), (H, gates * H), (gates * H,)]
    else:
        shapes = {
            "MatMul": [(D, H)],
            "Affine": [(D, H), (H,)],
            "TimeAffine": [(D, H), (H,)],
            "Embedding": [(V, D)],
            "EmbeddingDot": [(V, D)],
            "TimeEmbedding": [(V, D)],
            "TimeBiLSTM": 2 * [(D, 4 * H), (H, 4 * H), (4 * H,)],
        }[name]
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def inputs(name, rng, dtype="f"):
    """Inputs of a layer's forward, by its name."""
    x = rng.standard_normal((N, T, D)).astype(dtype)
    state = rng.standard_normal((2, N, H)).astype(dtype)
    if name in RECURRENT or name in ("TimeAffine", "TimeBiLSTM"):
        return [x]
    return {
        "MatMul": [x[:, 0]],
        "Affine": [x[:, 0]],
        "Embedding": [rng.integers(-V, V, 8)],
        "EmbeddingDot": [x[:, 0], rng.integers(0, V, N)],
        "TimeEmbedding": [rng.integers(-V, V, (N, T))],
        "RNN": [x[:, 0], state[0]],
        "GRU": [x[:, 0], state[0]],
        "LSTM": [x[:, 0], state[0], state[1]],
    }[name]


WITH_WEIGHTS = [*RECURRENT, "TimeBiLSTM", "TimeAffine", "TimeEmbedding", "Embedding"]
WITH_WEIGHTS += ["EmbeddingDot", "MatMul", "Affine", "RNN", "LSTM", "GRU"]
every_layer = pytest.mark.parametrize("name", WITH_WEIGHTS)
recurrent = pytest.mark.parametrize("name", list(RECURRENT))


def backward(layer, out, rng):
    """Run backward with random gradients of the outputs; return them and what came out."""
    outs = out if isinstance(out, tuple) else (out,)
    douts = [rng.standard_normal(o.shape).astype(o.dtype) for o in outs]
    return douts, layer.backward(*douts)


def arrays(value):
    return [] if value is None else list(value) if isinstance(value, tuple) else [value]


def same(actual, expected, rtol=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol)


# ---- star imports


@pytest.mark.parametrize("module", ["layers", "time_layers"])
def test_star_import_hands_on_np_functions_and_every_layer(module):
    names = {}
    exec(f"from fastembed.{module} import *", names)
    assert names["np"] is np
    assert names["softmax"] is functions.softmax and names["sigmoid"] is functions.sigmoid
    expected = set("MatMul Affine Softmax SoftmaxWithLoss Sigmoid SigmoidWithLoss".split())
    expected |= {"Dropout", "Embedding", "GPU"}
    if module == "time_layers":
        expected |= set("RNN TimeRNN LSTM TimeLSTM GRU TimeGRU TimeBiLSTM TimeEmbedding".split())
        expected |= set("TimeAffine TimeSoftmaxWithLoss TimeDropout TimeSigmoidWithLoss".split())
        expected |= {"Simple_TimeAffine", "Simple_TimeSoftmaxWithLoss"}
    assert expected <= set(names)


@pytest.mark.parametrize(
    "module",
    "np functions layers time_layers attention optimizer trainer util base_model config".split(),
)
def test_every_module_of_the_book_is_there(module):
    names = {}
    exec(f"from fastembed.{module} import *", names)
    assert "np" in names or module == "config"
    assert names.get("GPU", False) is False


# ---- params and grads


@every_layer
def test_params_and_grads_keep_their_identity(name, rng):
    given = weights(name, rng)
    layer = getattr(time_layers, name, None) or getattr(layers, name)
    layer = layer(*given)
    params, grads = list(layer.params), list(layer.grads)
    assert all(param is w for param, w in zip(params, given, strict=True))
    for _ in range(2):
        backward(layer, layer.forward(*inputs(name, rng)), rng)
    assert all(a is b for a, b in zip(layer.params, params, strict=True))
    assert all(a is b for a, b in zip(layer.grads, grads, strict=True))


@every_layer
def test_each_instance_has_its_own_writable_grads(name, rng):
    given = weights(name, rng)
    make = getattr(time_layers, name, None) or getattr(layers, name)
    a, b = make(*given), make(*given)
    for mine, other in zip(a.grads, b.grads, strict=True):
        assert not np.may_share_memory(mine, other)
        assert mine.flags.writeable and mine.dtype == np.float32


@every_layer
def test_every_backward_overwrites_grads(name, rng):
    given, x = weights(name, rng), inputs(name, rng)
    make = getattr(time_layers, name, None) or getattr(layers, name)
    layer = make(*given)
    douts, _ = backward(layer, layer.forward(*x), rng)
    first = [grad.copy() for grad in layer.grads]
    for grad in layer.grads:  # clipped, tied, and spoilt in rows that no id has touched
        grad += 3
    layer.forward(*x)
    layer.backward(*douts)
    for grad, expected in zip(layer.grads, first, strict=True):
        np.testing.assert_array_equal(grad, expected)


@every_layer
def test_updates_in_place_are_seen_by_the_next_forward(name, rng):
    given, x = weights(name, rng), inputs(name, rng)
    make = getattr(time_layers, name, None) or getattr(layers, name)
    layer = make(*given)
    layer.forward(*x)
    for param in layer.params:
        param[...] = param * 0.5 + 0.25
    fresh = make(*[param.copy() for param in layer.params])
    for a, b in zip(arrays(layer.forward(*x)), arrays(fresh.forward(*x)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_shared_weights_are_found_and_their_grads_added_in_place(rng):
    W, other = rng.standard_normal((V, D)).astype("f"), rng.standard_normal((D, H)).astype("f")
    grads = [np.full_like(p, k + 1.0) for k, p in enumerate([W, other, W, W.T])]
    first = grads[0]
    params, left = trainer.remove_duplicate([W, other, W, W.T], grads)
    assert len(params) == len(left) == 2 and params[0] is W and params[1] is other
    assert left[0] is first
    np.testing.assert_array_equal(first, 1.0 + 3.0 + 4.0)
    # a copy of the transpose is found by its values, as in the book
    params, left = trainer.remove_duplicate([W, W.T.copy()], [W.copy(), W.T.copy()])
    assert len(params) == 1
    np.testing.assert_array_equal(left[0], 2 * W)


def test_tied_weights_stay_a_view_and_a_grad_listed_twice_counts_twice(rng):
    model = models.BetterRnnlm(V, D, D, 0.5)
    assert model.params[-2].base is model.params[0]
    W, dW = model.params[0], model.grads[0]
    params, grads = trainer.remove_duplicate([W, W], [dW, dW])
    assert len(params) == 1 and grads[0] is dW
    model.forward(rng.integers(0, V, (N, T)), rng.integers(0, V, (N, T)))
    model.backward()
    once = dW.copy()
    trainer.remove_duplicate([W, W], [dW, dW])
    np.testing.assert_array_equal(dW, 2 * once)


def test_a_grad_that_was_tied_is_right_again_after_the_next_backward(rng):
    layer = layers.Embedding(rng.standard_normal((V, D)).astype("f"))
    dout = np.ones((2, D), "f")
    layer.forward(np.array([1, 1]))
    layer.backward(dout)
    layer.grads[0] += 5  # what tying adds lies in all rows
    layer.forward(np.array([2, 2]))
    layer.backward(dout)
    expected = np.zeros((V, D), "f")
    expected[2] = 2
    np.testing.assert_array_equal(layer.grads[0], expected)


# ---- outputs and state


@every_layer
def test_outputs_are_fresh_and_writable(name, rng):
    given, x = weights(name, rng), inputs(name, rng)
    make = getattr(time_layers, name, None) or getattr(layers, name)
    layer = make(*given)
    out = layer.forward(*x)
    first = [o.copy() for o in arrays(out)]
    douts, din = backward(layer, out, rng)
    kept = [*layer.params, *layer.grads, *x, *douts]
    for o in [*arrays(out), *arrays(din)]:
        assert not any(np.may_share_memory(o, other) for other in kept)
        o *= 0  # what a model writes into it
    again = layer.forward(*x)
    for o, expected in zip(arrays(again), first, strict=True):
        np.testing.assert_array_equal(o, expected)


@recurrent
def test_states_are_new_arrays_at_each_forward(name, rng):
    layer = getattr(time_layers, name)(*weights(name, rng), stateful=True)
    out = layer.forward(*inputs(name, rng))
    parts = [part for part in ("h", "c") if hasattr(layer, part)]
    kept = [getattr(layer, part) for part in parts]
    copies = [part.copy() for part in kept]
    assert not any(np.may_share_memory(out, part) for part in kept)
    out *= 0
    layer.forward(*inputs(name, rng))
    for part, old, copy in zip(parts, kept, copies, strict=True):
        assert getattr(layer, part) is not old
        np.testing.assert_array_equal(old, copy)


@recurrent
def test_set_state_may_receive_a_view_which_is_never_written(name, rng):
    hs = rng.standard_normal((N, T, H)).astype("f")
    hs.flags.writeable = False
    layer = getattr(time_layers, name)(*weights(name, rng), stateful=True)
    twin = getattr(slow, name)(*layer.params, stateful=True)
    before = hs.copy()
    x = inputs(name, rng)
    for each in (layer, twin):
        each.set_state(hs[:, -1])
    out = layer.forward(*x)
    same(out, twin.forward(*x))
    douts, _ = backward(layer, out, rng)
    twin.backward(*douts)
    same(layer.dh, twin.dh)
    np.testing.assert_array_equal(hs, before)


def test_set_state_without_c_resets_c(rng):
    h = rng.standard_normal((N, H)).astype("f")
    layer = time_layers.TimeLSTM(*weights("TimeLSTM", rng), stateful=True)
    twin = slow.TimeLSTM(*layer.params, stateful=True)
    x = inputs("TimeLSTM", rng)
    for each in (layer, twin):
        each.forward(*x)
        each.set_state(h)
        assert each.c is None
    same(layer.forward(*x), twin.forward(*x))
    same(layer.c, twin.c)
    layer.reset_state()
    assert layer.h is None and layer.c is None


@recurrent
def test_dh_is_the_gradient_of_the_initial_state(name, rng):
    layer = getattr(time_layers, name)(*weights(name, rng, "d"), stateful=True)
    x, h0 = inputs(name, rng, "d"), rng.standard_normal((N, H))
    assert layer.dh is None
    dhs = rng.standard_normal((N, T, H))

    def value(h):
        layer.set_state(h)
        layer.forward(*x)
        state = [layer.h.copy()]
        return float(np.sum(state[0] * dhs[:, -1]))

    value(h0)
    last = np.zeros_like(dhs)
    last[:, -1] = dhs[:, -1]
    layer.backward(last)
    dh = layer.dh.copy()
    step = np.zeros_like(h0)
    step[1, 2] = 1e-6
    numeric = (value(h0 + step) - value(h0 - step)) / 2e-6
    assert abs(numeric - dh[1, 2]) < 1e-6


def test_attention_weights_is_a_list_of_t_arrays(rng):
    layer = attention.TimeAttention()
    enc = rng.standard_normal((N, T, H)).astype("f")
    dec = rng.standard_normal((N, 7, H)).astype("f")
    layer.forward(enc, dec)
    assert isinstance(layer.attention_weights, list) and len(layer.attention_weights) == 7
    for a in layer.attention_weights:
        assert a.shape == (N, T)
        same(a.sum(axis=1), 1)
    assert np.array(layer.attention_weights).shape == (7, N, T)


def test_train_flg_is_set_from_outside(rng):
    layer = time_layers.TimeDropout(0.5)
    x = np.ones((N, T, D), "f")
    assert layer.train_flg is True
    layer.train_flg = False
    np.testing.assert_array_equal(layer.forward(x), x)
    layer.train_flg = True
    assert set(np.unique(layer.forward(x))) == {0, 2}


# ---- inputs


@pytest.mark.parametrize("layout", ["strided", "reversed", "transposed", "readonly", "memmap"])
@every_layer
def test_inputs_of_any_layout(name, layout, rng, tmp_path):
    given, x = weights(name, rng), inputs(name, rng)
    make = getattr(time_layers, name, None) or getattr(layers, name)
    plain, layer = make(*given), make(*given)

    def relaid(array, k):
        if layout == "strided":
            return np.repeat(array, 2, axis=-1)[..., ::2]
        if layout == "reversed":
            return np.ascontiguousarray(array[:, ::-1])[:, ::-1] if array.ndim > 1 else array
        if layout == "transposed":
            return np.asfortranarray(array)
        if layout == "memmap":
            path = tmp_path / f"{k}.npy"
            np.save(path, array)
            return np.load(path, mmap_mode="r")
        array = array.copy()
        array.flags.writeable = False
        return array

    expected = plain.forward(*x)
    out = layer.forward(*(relaid(array, k) for k, array in enumerate(x)))
    douts, din_expected = backward(plain, expected, rng)
    din = layer.backward(*(relaid(array, 9 + k) for k, array in enumerate(douts)))
    pairs = zip(arrays(out) + arrays(din), arrays(expected) + arrays(din_expected), strict=True)
    for actual, wanted in [*pairs, *zip(layer.grads, plain.grads, strict=True)]:
        same(actual, wanted)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@recurrent
def test_one_step_and_one_row(name, dtype, rng):
    embed = time_layers.TimeEmbedding(weights("TimeEmbedding", rng)[0])
    layer = getattr(time_layers, name)(*weights(name, rng), stateful=True)
    twin = getattr(slow, name)(*layer.params, stateful=True)
    for word in (3, 4):
        x = embed.forward(np.array([[word]], dtype))
        assert x.shape == (1, 1, D)
        same(layer.forward(x), twin.forward(x))


def test_ids_follow_numpy(rng):
    W = weights("Embedding", rng)[0]
    embed, time_embed = layers.Embedding(W), time_layers.TimeEmbedding(W)
    ids = np.array([[-1, 0], [-V, V - 1]])
    for layer in (embed, time_embed):
        np.testing.assert_array_equal(layer.forward(ids), W[ids])
        dout = rng.standard_normal((2, 2, D)).astype("f")
        layer.backward(dout)
        expected = np.zeros_like(W)
        np.add.at(expected, ids, dout)
        same(layer.grads[0], expected)
        for wrong in (V, -V - 1):
            with pytest.raises(IndexError, match=f"{wrong} is out of bounds"):
                layer.forward(np.array([[0, wrong]]))


def test_embedding_accepts_lists_scalars_and_two_axes_but_no_floats(rng):
    W = weights("Embedding", rng)[0]
    layer, twin = layers.Embedding(W), slow.Embedding(W)
    for idx in ([1, 2, 2], 3, np.int64(-1), [[1, 2], [3, 4]], np.array(5), []):
        out = layer.forward(idx)
        np.testing.assert_array_equal(out, twin.forward(idx))
        dout = rng.standard_normal(out.shape).astype("f")
        layer.backward(dout)
        twin.backward(dout)
        same(layer.grads[0], twin.grads[0])
        assert not np.may_share_memory(out, W)  # NumPy gives a view for one id
        assert np.shape(out) == np.shape(W[idx])
    np.testing.assert_array_equal(layer.forward(3), W[3])
    for wrong in (1.0, [1.0, 2.0], np.array([0.0])):
        with pytest.raises(IndexError):
            layer.forward(wrong)


def test_time_embedding_reads_w_not_params_and_refuses_lists(rng):
    W, other = weights("TimeEmbedding", rng)[0], weights("TimeEmbedding", rng)[0]
    layer = time_layers.TimeEmbedding(W)
    assert layer.W is W
    layer.W = other
    ids = np.array([[1, 2]])
    np.testing.assert_array_equal(layer.forward(ids), other[ids])
    with pytest.raises(AttributeError):
        layer.forward([[1, 2]])
    with pytest.raises(IndexError):
        layer.forward(np.array([[1.0]]))
    assert layer.backward(np.ones((1, 2, D), "f")) is None


def test_label_minus_one_is_ignored(rng):
    xs = rng.standard_normal((N, T, V)).astype("f")
    ts = rng.integers(0, V, (N, T))
    ts[1, 2:] = -1
    layer, twin = time_layers.TimeSoftmaxWithLoss(), slow.TimeSoftmaxWithLoss()
    assert layer.ignore_label == -1
    same(layer.forward(xs, ts), twin.forward(xs, ts))
    dxs = layer.backward()
    same(dxs, twin.backward())
    np.testing.assert_array_equal(dxs[1, 2:], 0)


def test_a_batch_of_ignored_labels_gives_nan(rng):
    xs, ts = rng.standard_normal((N, T, V)).astype("f"), np.full((N, T), -1)
    layer = time_layers.TimeSoftmaxWithLoss()
    assert np.isnan(layer.forward(xs, ts))
    assert np.isnan(layer.backward()).all()


# ---- calls


@recurrent
def test_backward_twice_gives_the_same(name, rng):
    layer = getattr(time_layers, name)(*weights(name, rng))
    dhs = rng.standard_normal((N, T, H)).astype("f")
    layer.forward(*inputs(name, rng))
    first = layer.backward(dhs)
    grads = [grad.copy() for grad in layer.grads]
    np.testing.assert_array_equal(layer.backward(dhs), first)
    for a, b in zip(layer.grads, grads, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dout", [1, 0.5])
def test_loss_backward_twice_differs_as_in_the_book(dout, rng):
    xs = rng.standard_normal((N, T, V)).astype("f")
    ts = rng.integers(-1, V, (N, T))
    layer, twin = time_layers.TimeSoftmaxWithLoss(), slow.TimeSoftmaxWithLoss()
    for each in (layer, twin):
        each.forward(xs, ts)
    for _ in range(3):
        same(layer.backward(dout), twin.backward(dout))


@every_layer
def test_the_last_forward_wins(name, rng):
    given = weights(name, rng)
    make = getattr(time_layers, name, None) or getattr(layers, name)
    layer, plain = make(*given), make(*given)
    x = inputs(name, rng)
    layer.forward(*inputs(name, rng))
    douts, _ = backward(plain, plain.forward(*x), rng)
    layer.forward(*x)
    layer.backward(*douts)
    for a, b in zip(layer.grads, plain.grads, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", [*RECURRENT, "TimeEmbedding"])
def test_layers_exist_and_a_subclass_may_override_one_method(name, rng):
    fast, twin = getattr(time_layers, name), getattr(slow, name)
    given, x = weights(name, rng), inputs(name, rng)
    forward_alone = type(name, (fast,), {"forward": twin.forward, "cell": _cell(twin)})
    backward_alone = type(name, (fast,), {"backward": twin.backward, "_fill": slow._Layer._fill})
    expected = twin(*given)
    out = expected.forward(*x)
    douts, dxs = backward(expected, out, rng)
    for make in (fast, forward_alone, backward_alone):
        layer = make(*given)
        assert layer.layers is None
        same(layer.forward(*x), out)
        assert len(layer.layers) == T and layer.layers[0].params[0] is given[0]
        result = layer.backward(*douts)
        if dxs is not None:
            same(result, dxs, 1e-4)
            same(layer.dh, expected.dh, 1e-4)
        for a, b in zip(layer.grads, expected.grads, strict=True):
            same(a, b, 1e-4)


def _cell(twin):
    return getattr(twin, "cell", None)


def test_a_loss_subclass_may_override_one_method(rng):
    xs, ts = rng.standard_normal((N, T, V)).astype("f"), rng.integers(-1, V, (N, T))
    fast, twin = time_layers.TimeSoftmaxWithLoss, slow.TimeSoftmaxWithLoss
    expected = twin()
    loss = expected.forward(xs, ts)
    dxs = expected.backward(2.0)
    for method in ("forward", "backward"):
        layer = type("Mine", (fast,), {method: getattr(twin, method)})()
        same(layer.forward(xs, ts), loss)
        same(layer.backward(2.0), dxs)


def test_an_attention_subclass_may_override_one_method(rng):
    enc, dec, dout = (rng.standard_normal((N, t, H)).astype("f") for t in (T, 7, 7))
    fast, twin = attention.TimeAttention, slow.TimeAttention
    expected = twin()
    out = expected.forward(enc, dec)
    dins = expected.backward(dout)
    for method in ("forward", "backward"):
        layer = type("Mine", (fast,), {method: getattr(twin, method)})()
        same(layer.forward(enc, dec), out)
        for a, b in zip(layer.backward(dout), dins, strict=True):
            same(a, b)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
@every_layer
def test_no_type_error_starts_inside(name, dtype, rng):
    """Inputs of other dtypes follow NumPy's promotion, as they do in the book's layers."""
    given, x = weights(name, rng), inputs(name, rng)
    x = [array if array.dtype.kind == "i" else (4 * array).astype(dtype) for array in x]
    make = getattr(time_layers, name, None) or getattr(layers, name)
    layer, twin = make(*given), getattr(slow, name)(*given)
    out, expected = layer.forward(*x), twin.forward(*x)
    douts = [rng.standard_normal(o.shape) for o in arrays(out)]
    dins, wanted = arrays(layer.backward(*douts)), arrays(twin.backward(*douts))
    tolerance = 3e-3 if dtype == np.float16 else 1e-4
    for a, b in [*zip(arrays(out), arrays(expected), strict=True), *zip(dins, wanted, strict=True)]:
        same(a, b, tolerance)
    for a, b in zip(layer.grads, twin.grads, strict=True):
        same(a, b, 10 * tolerance)


def test_eval_perplexity_catches_type_errors_of_the_model_alone(rng, capsys):
    calls = []

    class Model:
        def forward(self, xs, ts):
            calls.append(xs.dtype)
            return 1.0

    ppl = util.eval_perplexity(Model(), rng.integers(0, V, 200), 4, 7)
    assert abs(ppl - np.e) < 1e-12
    assert len(calls) == 199 // 28 and calls[0] == np.int32
    assert capsys.readouterr().out.startswith("evaluating perplexity ...\n\r0 / 7")


def test_parameters_are_pickled_as_float16_and_restored_in_place(rng, tmp_path):
    class Model(BaseModel):
        def __init__(self):
            self.params = [rng.standard_normal((3, 4)).astype("f"), np.zeros(4, "f")]

    model, other = Model(), Model()
    kept = list(other.params)
    path = str(tmp_path / "Model.pkl")
    model.save_params(path)
    with open(path, "rb") as file:
        loaded = pickle.load(file)
    assert [p.dtype for p in loaded] == [np.float16, np.float16]
    other.load_params(path)
    for param, k, expected in zip(other.params, kept, model.params, strict=True):
        assert param is k and param.dtype == np.float32
        np.testing.assert_array_equal(param, expected.astype(np.float16).astype("f"))


@recurrent
def test_float64_parameters(name, rng):
    """hs and dxs come back as float32; h, c, dh and the gradients are float64."""
    layer = getattr(time_layers, name)(*weights(name, rng, "d"))
    twin = getattr(slow, name)(*layer.params)
    x = inputs(name, rng, "d")
    hs = layer.forward(*x)
    same(hs, twin.forward(*x), 1e-6)
    dhs = rng.standard_normal((N, T, H))
    dxs = layer.backward(dhs)
    same(dxs, twin.backward(dhs), 1e-6)
    assert hs.dtype == dxs.dtype == np.float32
    for part in ("h", "c", "dh"):
        if hasattr(twin, part):
            assert getattr(layer, part).dtype == np.float64
            same(getattr(layer, part), getattr(twin, part), 1e-12)
    for a, b in zip(layer.grads, twin.grads, strict=True):
        assert a.dtype == np.float64
        same(a, b, 1e-12)


def test_float64_time_embedding_gives_float32(rng):
    layer = time_layers.TimeEmbedding(weights("TimeEmbedding", rng, "d")[0])
    ids = inputs("TimeEmbedding", rng)[0]
    out = layer.forward(ids)
    assert out.dtype == np.float32
    layer.backward(np.ones_like(out))
    assert layer.grads[0].dtype == np.float64


# ---- random numbers


def test_importing_consumes_no_random_numbers():
    code = (
        "import numpy as np; np.random.seed(1); state = np.random.get_state()[1].copy()\n"
        "from fastembed import models, trainer, util, attention\n"
        "from fastembed.time_layers import *\n"
        "assert (np.random.get_state()[1] == state).all()\n"
        "assert np.random.rand() == 0.417022004702574"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", ["TimeDropout", "Dropout"])
def test_dropout_masks_come_from_the_legacy_stream(name, rng):
    x = rng.standard_normal((N, T, D)).astype("f")
    results = []
    for module in (time_layers, slow):
        np.random.seed(5)
        results.append((getattr(module, name)(0.3).forward(x), np.random.rand()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


def test_negative_samples_come_from_the_legacy_stream(rng):
    corpus, target = rng.integers(0, V, 200), rng.integers(0, V, 50)
    results = []
    for module in (layers, slow):
        np.random.seed(5)
        sampler = module.UnigramSampler(corpus, 0.75, 5)
        results.append((sampler.get_negative_sample(target), np.random.rand()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    assert results[0][0].dtype == np.int32
    assert results[0][1] == results[1][1]


# ---- state and batch size


@recurrent
def test_a_batch_that_changes_size(name, rng):
    x = rng.standard_normal((3, T, D)).astype("f")
    layer = getattr(time_layers, name)(*weights(name, rng), stateful=True)
    layer.forward(x[:2])
    with pytest.raises(ValueError):
        layer.forward(x)
    layer.reset_state()
    twin = getattr(slow, name)(*layer.params, stateful=True)
    for each in (layer, twin):
        each.forward(x[:1])
    same(layer.forward(x), twin.forward(x))


# ---- functions


def test_softmax_hands_back_other_ranks_and_never_writes(rng):
    x = rng.standard_normal((2, 3, 4)).astype("f")
    assert functions.softmax(x) is x
    before = x[0].copy()
    functions.softmax(x[0])
    np.testing.assert_array_equal(x[0], before)


def test_optimizers_update_in_place(rng):
    for name in optimizer.__all__:
        if name == "np":
            continue
        W = rng.standard_normal((4, 3)).astype("f")
        params = [W, W.T[:2]]
        update = getattr(optimizer, name)().update
        before = W.copy()
        update(params[:1], [np.ones_like(W)])
        assert params[0] is W and not np.array_equal(W, before)
