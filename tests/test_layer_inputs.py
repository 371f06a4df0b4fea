"""What layers and optimizers refuse: the error names the argument, and nothing has been changed."""

import pickle

import numpy as np
import pytest

from fastembed import attention, config, optimizer, recurrent_layers, time_layers, util

V, N, T, D, H = 7, 3, 4, 5, 4
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def make(name, rng):
    """A layer with float inputs, what it is called with, and what its first input is called."""
    if gates := GATES.get(name.removeprefix("Time")):
        shapes = (D, gates * H), (H, gates * H), (gates * H,)
    else:
        shapes = {"MatMul": [(D, H)], "EmbeddingDot": [(V, D)]}.get(name, [])
        shapes = [(D, V), (V,)] if "Affine" in name else shapes
    module = next(m for m in (time_layers, attention) if hasattr(m, name))
    layer = getattr(module, name)(*(rng.standard_normal(s).astype("f") for s in shapes))
    states = {"RNN": 1, "GRU": 1, "LSTM": 2}.get(name, 0) * [(N, H)]
    if name == "EmbeddingDot":
        return layer, [rng.standard_normal((N, D)).astype("f"), rng.integers(0, V, N)], "h"
    if name in ("WeightSum", "AttentionWeight", "Attention", "TimeAttention"):
        second = {"WeightSum": (N, T), "TimeAttention": (N, 2, H)}.get(name, (N, H))
        arrays = [rng.standard_normal(s).astype("f") for s in ((N, T, H), second)]
        return layer, arrays, "hs_enc" if name == "TimeAttention" else "hs"
    shape = (N, T, D) if name.startswith("Time") else (N, D)
    arrays = [rng.standard_normal(s).astype("f") for s in (shape, *states)]
    if name.endswith("WithLoss"):
        labels = arrays[0].shape[:-1]
        if "Sigmoid" in name:
            arrays[0] = arrays[0][..., 0]
            labels = arrays[0].shape
        arrays.append(rng.integers(0, 2, labels))
    time = name.startswith("Time") and name not in ("TimeAffine", "TimeSigmoidWithLoss")
    return layer, arrays, "xs" if time else "x"


FLOAT_INPUTS = ["MatMul", "Affine", "Softmax", "SoftmaxWithLoss", "Sigmoid", "SigmoidWithLoss"]
FLOAT_INPUTS += ["Dropout", "EmbeddingDot", "RNN", "GRU", "LSTM", "TimeRNN", "TimeGRU", "TimeLSTM"]
FLOAT_INPUTS += ["TimeAffine", "TimeDropout", "TimeSoftmaxWithLoss", "TimeAffineSoftmaxWithLoss"]
FLOAT_INPUTS += ["TimeSigmoidWithLoss", "WeightSum", "AttentionWeight", "Attention"]
FLOAT_INPUTS += ["TimeAttention"]


@pytest.mark.parametrize("name", FLOAT_INPUTS)
def test_a_masked_input_is_refused_by_name(name, rng):
    layer, (x, *others), argument = make(name, rng)
    with pytest.raises(TypeError, match=f"^{argument} must be an array without a mask"):
        layer.forward(np.ma.masked_array(x, x > 0), *others)


@pytest.mark.parametrize("name", ["Embedding", "TimeEmbedding"])
def test_masked_ids_and_gradients_are_refused_by_name(name, rng):
    layer = getattr(time_layers, name)(rng.standard_normal((V, D)).astype("f"))
    ids = rng.integers(0, V, (N, T))
    with pytest.raises(TypeError, match="^(idx|xs) must be an array without a mask"):
        layer.forward(np.ma.masked_array(ids, ids > 2))
    dout = np.ones_like(layer.forward(ids))
    with pytest.raises(TypeError, match="^dout must be an array without a mask"):
        layer.backward(np.ma.masked_array(dout, True))


def test_masked_labels_and_gradients_of_products_are_refused_by_name(rng):
    xs, ts = rng.standard_normal((N, T, V)).astype("f"), rng.integers(0, V, (N, T))
    with pytest.raises(TypeError, match="^ts must be an array without a mask"):
        time_layers.TimeSoftmaxWithLoss().forward(xs, np.ma.masked_array(ts, ts > 2))
    layer, (x,), _ = make("Affine", rng)
    out = layer.forward(x)
    with pytest.raises(TypeError, match="^dout must be an array without a mask"):
        layer.backward(np.ma.masked_array(out, True))


@pytest.mark.parametrize("name", GATES)
def test_a_masked_state_is_refused_by_name(name, rng):
    layer, (x, *states), _ = make(name, rng)
    for k, argument in enumerate(("h_prev", "c_prev")[: len(states)]):
        given = [np.ma.masked_array(h, h > 0) if j == k else h for j, h in enumerate(states)]
        with pytest.raises(TypeError, match=f"^{argument} must be an array without a mask"):
            layer.forward(x, *given)
    layer, (xs,), _ = make(f"Time{name}", rng)
    layer.stateful = True
    layer.set_state(np.ma.masked_array(np.ones((N, H), "f"), True))
    with pytest.raises(TypeError, match="^h must be an array without a mask"):
        layer.forward(xs)


def test_masked_ids_of_other_tables_and_masked_labels_are_refused(rng):
    ids = np.ma.masked_array([1, 2], [False, True])
    with pytest.raises(TypeError, match="^idx must be an array without a mask"):
        time_layers.Embedding(np.ones((V, D), np.float16)).forward(ids)
    with pytest.raises(TypeError, match="^ts must be an array without a mask"):
        time_layers.Simple_TimeSoftmaxWithLoss().forward(np.ones((1, 2, V)), ids[np.newaxis])


@pytest.mark.parametrize("change", [lambda x: x + 1j, lambda x: x.astype(str), lambda x: None])
@pytest.mark.parametrize("name", ["Affine", "Embedding", "RNN", "LSTM", "TimeGRU", "TimeAttention"])
def test_a_gradient_that_is_not_real_is_refused_and_changes_nothing(name, change, rng):
    if name == "Embedding":
        layer, given = time_layers.Embedding(np.ones((V, D), "f")), [rng.integers(0, V, N)]
    else:
        layer, given, _ = make(name, rng)
    out = layer.forward(*given)
    many = out if isinstance(out, tuple) else (out,)
    layer.backward(*many)
    before = pickle.dumps(layer.grads)
    with pytest.raises((AttributeError, TypeError, ValueError)):
        layer.backward(*map(change, many))
    assert pickle.dumps(layer.grads) == before


REFUSED = {
    "SoftmaxWithLoss": lambda x, t: (x, t + V),
    "SigmoidWithLoss": lambda x, t: (x, t[:-1]),
    "Dropout": lambda x: (np.ma.masked_array(x, True),),
    "EmbeddingDot": lambda h, idx: (h[:, 1:], idx),
    "TimeDropout": lambda xs: (xs.astype(str),),
    "TimeSigmoidWithLoss": lambda xs, ts: (xs, ts + 2),
    "Simple_TimeSoftmaxWithLoss": lambda xs, ts: (xs[:, :2], ts),
    "Simple_TimeAffine": lambda xs: (xs[..., 1:],),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_forward_that_is_refused_leaves_what_backward_needs(name, rng):
    layer, given, _ = make(name.replace("Simple_TimeAffine", "TimeAffine"), rng)
    if name.startswith("Simple"):
        given[0] = rng.standard_normal((N, T, D)).astype("f")
        given[1:] = [rng.integers(0, 2, (N, T)) for _ in given[1:]]
        layer = getattr(time_layers, name)(*getattr(layer, "params", ()))
    out = layer.forward(*given)
    dx = layer.backward(out)
    with pytest.raises((IndexError, TypeError, ValueError)):
        layer.forward(*REFUSED[name](*given))
    np.testing.assert_array_equal(layer.backward(out), dx)


def test_refused_gradients_of_an_embedding_of_other_dtypes_change_nothing():
    layer = time_layers.Embedding(np.ones((V, D), np.float16))
    layer.backward(layer.forward(np.arange(N)))
    before = layer.grads[0].copy()
    with pytest.raises(ValueError, match="broadcast"):
        layer.backward(np.ones((N, D + 1)))
    np.testing.assert_array_equal(layer.grads[0], before)


def test_rows_are_scaled_where_ids_are_indices_alone():
    W = np.ones((V, D), "f")
    with pytest.raises(IndexError):
        time_layers.Embedding(W, max_norm=0.5).forward(None)
    np.testing.assert_array_equal(W, 1)


@pytest.mark.parametrize("width", [2 * H - 2, 2 * H - 1, 2 * H + 2])
def test_both_directions_refuse_alike(width, rng):
    layer, (xs,), _ = make("TimeLSTM", rng)
    layer = time_layers.TimeBiLSTM(*layer.params, *layer.params)
    layer.backward(layer.forward(xs))
    before = [grad.copy() for grad in layer.grads]
    for shape in ((N, T, width), (N, T - 1, 2 * H), (N - 1, T, 2 * H)):
        with pytest.raises(ValueError):
            layer.backward(np.ones(shape, "f"))
    for grad, kept in zip(layer.grads, before, strict=True):
        np.testing.assert_array_equal(grad, kept)


def test_a_stack_refuses_states_and_their_gradients_as_a_whole(rng):
    stack = recurrent_layers.StackedLSTM(D, H, 2, stateful=True)
    with pytest.raises(RuntimeError, match="backward needs a forward before it"):
        with pytest.raises(ValueError, match="^xs must"):
            stack.forward(np.ones((N, T, D + 1), "f"))
        stack.backward(np.ones((N, T, H), "f"))
    hs = stack.forward(rng.standard_normal((N, T, D)).astype("f"))
    stack.backward(hs)
    before = pickle.dumps((stack.grads, stack.h, stack.c))
    for layers in (1, 3):
        for name in ("dh_last", "dc_last"):
            with pytest.raises(ValueError, match=rf"^{name} must have shape \(2, 3, 4\) \(layers"):
                stack.backward(hs, **{name: np.ones((layers, N, H), "f")})
        with pytest.raises(ValueError, match="^c must have shape"):
            stack.set_state(np.ones((2, N, H), "f"), np.ones((layers, N, H), "f"))
    assert pickle.dumps((stack.grads, stack.h, stack.c)) == before


@pytest.mark.parametrize("sparse", [False, True])
def test_targets_of_two_axes_are_refused(sparse):
    layer = time_layers.NegativeSamplingLoss(np.ones((V, D), "f"), np.arange(V), sparse=sparse)
    with pytest.raises(ValueError, match=r"^targets must have 1 axis, got shape \(1, 3\)"):
        layer.forward(np.ones((3, D), "f"), np.array([[1, 2, 3]]))


@pytest.mark.parametrize("name", ["TimeRNN", "TimeGRU", "TimeLSTM"])
def test_another_batch_size_says_what_to_do(name, rng):
    layer, (xs,), _ = make(name, rng)
    layer.stateful = True
    layer.forward(xs[:2])
    h = layer.h
    message = rf"h has shape \(2, {H}\), a batch of {N} needs \({N}, {H}\): call reset_state\(\)"
    with pytest.raises(ValueError, match=message):
        layer.forward(xs)
    assert layer.h is h
    layer.reset_state()
    layer.forward(xs)


def test_a_list_given_to_time_embedding_is_named(rng):
    layer = time_layers.TimeEmbedding(rng.standard_normal((V, D)).astype("f"))
    with pytest.raises(AttributeError, match="^xs must be a numpy.ndarray, got list"):
        layer.forward([[1, 2]])


@pytest.mark.parametrize("name", ["Embedding", "TimeEmbedding", "EmbeddingBag"])
def test_backward_of_an_embedding_before_forward(name, rng):
    layer = getattr(time_layers, name)(rng.standard_normal((V, D)).astype("f"))
    layer.grads[0][...] = 7
    with pytest.raises(RuntimeError, match=f"{name}.backward needs a forward"):
        layer.backward(np.ones((N, T, D), "f"))
    assert (layer.grads[0] == 7).all()


@pytest.mark.parametrize("value", ["0.1", None, [0.1], np.array([0.1]), 1j])
@pytest.mark.parametrize("name", [name for name in optimizer.__all__ if name != "np"])
def test_optimizers_refuse_what_is_no_number(name, value):
    for attribute in getattr(optimizer, name).numbers:
        update, params = getattr(optimizer, name)(), [np.ones((2, 3), "f")]
        setattr(update, attribute, value)
        with pytest.raises(TypeError, match=f"^{attribute} must be a real number"):
            update.update(params, [np.ones((2, 3), "f")])
        np.testing.assert_array_equal(params[0], 1)
        assert getattr(update, "iter", 0) == 0


def test_a_masked_gradient_is_refused_by_name():
    params, grads = [np.ones((2, 3), "f")], [np.ma.masked_array(np.ones((2, 3), "f"), True)]
    with pytest.raises(TypeError, match=r"^grads\[0\] must be an array without a mask"):
        optimizer.SGD().update(params, grads)
    with pytest.raises(TypeError, match=r"^grads\[0\] must be an array without a mask"):
        util.clip_grads(grads, 0.1)
    np.testing.assert_array_equal(params[0], 1)


@pytest.mark.parametrize("value", [True, 1])
def test_there_is_no_gpu_mode(value):
    with pytest.raises(ValueError, match="config.GPU must be False"):
        config.GPU = value
    assert config.GPU is False
    config.GPU = False


# deprecated since NumPy 2.5, and possible still
reshapes = pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")


@pytest.mark.parametrize("name", ["RNN", "LSTM", "TimeGRU", "TimeLSTM", "Affine", "TimeAffine"])
@reshapes
def test_an_input_reshaped_in_place_meanwhile_changes_no_gradient(name, rng):
    """Either that of the shape that forward saw, or an error: memory is not read as another."""
    layer, given, _ = make(name, rng)
    if name.startswith("Time"):
        given[0] = rng.standard_normal((N, D - 1, D)).astype("f")
    expected, _, _ = make(name, rng)
    expected.params[:] = layer.params
    copies = [np.copy(array) for array in given]
    out = layer.forward(*given)
    douts = [np.ones_like(part) for part in (out if isinstance(out, tuple) else (out,))]
    expected.forward(*copies)
    wanted = expected.backward(*douts)
    given[0].shape = given[0].shape[::-1]
    try:
        found = layer.backward(*douts)
    except ValueError:
        return
    found, wanted = (x if isinstance(x, tuple) else (x,) for x in (found, wanted))
    for a, b in zip([*found, *layer.grads], [*wanted, *expected.grads], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
@reshapes
def test_a_cell_whose_input_was_reshaped_takes_no_gradient_of_the_new_shape(name, rng):
    layer, given, _ = make(name, rng)
    layer.forward(*given)
    given[0].shape = given[0].shape[::-1]
    douts = [np.ones((D, H), "f") for _ in given[1:]]
    with pytest.raises(ValueError, match="must have the shapes that forward saw"):
        layer.backward(*douts)
