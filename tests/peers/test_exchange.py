"""Layers exchanged with PyTorch, and exported models run by ONNX Runtime: equal outputs."""

import numpy as np
import pytest
import torch

from fastembed import exchange, layers, models, recurrent_layers, time_layers
from fastembed.sparse import Frozen, RowSparse

TOLERANCE = 1e-6
N, T, D, H, V = 3, 5, 4, 6, 11
RECURRENT = {
    "RNN": (time_layers.TimeRNN, recurrent_layers.StackedRNN, (1, 1)),
    "LSTM": (time_layers.TimeLSTM, recurrent_layers.StackedLSTM, (4, 4)),
    "GRU": (time_layers.TimeGRU, recurrent_layers.StackedGRU, (3, 4)),
}


@pytest.fixture
def xs(rng):
    return rng.standard_normal((N, T, D)).astype("f")


@pytest.fixture
def ids(rng):
    return rng.integers(0, V, (N, T))


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_recurrent_from_torch(kind, bias, batch_first, xs):
    module = getattr(torch.nn, kind)(D, H, bias=bias, batch_first=batch_first)
    layer = exchange.from_torch(module)
    assert type(layer) is RECURRENT[kind][0]
    given = torch.from_numpy(xs)
    with torch.no_grad():
        out, _ = module(given if batch_first else given.transpose(0, 1))
    close(layer.forward(xs), (out if batch_first else out.transpose(0, 1)).numpy())
    before = layer.params[0].copy()
    with torch.no_grad():
        module.weight_ih_l0.fill_(7)
    np.testing.assert_array_equal(layer.params[0], before)  # a copy


STACKS = [
    dict(num_layers=2),
    dict(bidirectional=True),
    dict(num_layers=3, bidirectional=True, bias=False),
    dict(num_layers=2, dropout=0.5, batch_first=True),
    dict(proj_size=2),
    dict(proj_size=3, num_layers=2, bidirectional=True),
    dict(proj_size=3, bias=False),
]


STACKED = [(kind, options) for kind in RECURRENT for options in STACKS]
STACKED = [one for one in STACKED if one[0] == "LSTM" or "proj_size" not in one[1]]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize(("kind", "options"), STACKED, ids=str)
def test_stacks_from_torch_and_back(kind, options, xs):
    module = getattr(torch.nn, kind)(D, H, **{**options, "batch_first": True}).eval()
    layer = exchange.from_torch(module)
    assert type(layer) is RECURRENT[kind][1]
    layer.train_flg = False
    given = torch.from_numpy(xs)
    with torch.no_grad():
        out, last = module(given)
        back, _ = exchange.to_torch(layer).eval()(given)
    close(layer.forward(xs), out.numpy())
    close(layer.h, (last[0] if kind == "LSTM" else last).numpy())
    close(back, out)
    assert exchange.to_torch(layer).dropout == options.get("dropout", 0)


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_recurrent_to_torch_and_back(kind, dtype, xs, rng):
    made, _, (gates, biases) = RECURRENT[kind]
    shapes = (D, gates * H), (H, gates * H), (biases * H,)
    params = [rng.standard_normal(shape).astype(dtype) / 2 for shape in shapes]
    layer = made(*params, **({"reset_after": True} if kind == "GRU" else {}))
    module = exchange.to_torch(layer)
    with torch.no_grad():
        out, _ = module(torch.from_numpy(xs.astype(dtype)))
    close(layer.forward(xs.astype(dtype)), out.numpy())
    assert not module.bias_hh_l0[: 2 * H].any() and (kind == "GRU" or not module.bias_hh_l0.any())
    for a, b, given in zip(exchange.from_torch(module).params, layer.params, params, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype and b is given


def test_both_directions_to_torch(xs, rng):
    shapes = [(D, 4 * H), (H, 4 * H), (4 * H,)] * 2
    layer = time_layers.TimeBiLSTM(*(rng.standard_normal(s).astype("f") / 2 for s in shapes))
    with torch.no_grad():
        close(layer.forward(xs), exchange.to_torch(layer)(torch.from_numpy(xs))[0].numpy())


def test_the_books_gru_is_none_of_pytorchs():
    layer = time_layers.TimeGRU(np.zeros((D, 3 * H)), np.zeros((H, 3 * H)), np.zeros(3 * H))
    with pytest.raises(ValueError, match="layer must be a GRU with reset_after"):
        exchange.to_torch(layer)


BAGS = [{}, {"mode": "max"}, {"mode": "sum", "padding_idx": 2}, {"include_last_offset": True}]


@pytest.mark.parametrize("options", BAGS, ids=str)
def test_bags(options, ids, rng):
    module = torch.nn.EmbeddingBag(V, D, **options)
    layer = exchange.from_torch(module)
    flat, offsets = ids.reshape(-1), np.array([0, 4, 9, 15])
    wanted = module(*map(torch.from_numpy, (flat, offsets))).detach().numpy()
    close(layer.forward(flat, offsets), wanted)
    back = exchange.to_torch(layer)(*map(torch.from_numpy, (flat, offsets)))
    np.testing.assert_array_equal(back.detach().numpy(), wanted)
    for name in ("mode", "padding_idx", "include_last_offset"):
        assert getattr(exchange.to_torch(layer), name) == getattr(module, name)


@pytest.mark.parametrize("made", [layers.Embedding, time_layers.TimeEmbedding])
def test_embedding(made, ids, rng):
    layer = made(rng.standard_normal((V, D)).astype("f"))
    module = exchange.to_torch(layer)
    np.testing.assert_array_equal(module(torch.from_numpy(ids)).detach(), layer.forward(ids))
    back = exchange.from_torch(module)
    np.testing.assert_array_equal(back.forward(ids), layer.forward(ids))


@pytest.mark.parametrize("kind", ["Embedding", "EmbeddingBag"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("freeze", [False, True])
def test_what_is_trained_and_how_is_kept(kind, sparse, freeze):
    module = getattr(torch.nn, kind)(V, D, sparse=sparse).requires_grad_(not freeze)
    layer = exchange.from_torch(module)
    assert isinstance(layer.grads[0], RowSparse) == (sparse or freeze)
    assert isinstance(layer.grads[0], Frozen) == freeze
    back = exchange.to_torch(layer)
    assert back.weight.requires_grad == (not freeze)
    assert back.sparse == (sparse and not freeze)


@pytest.mark.parametrize("option", [{"mode": "max"}, {"scale_grad_by_freq": True}])
def test_sparse_gradients_that_pytorch_lacks_are_dense_there(option, ids):
    layer = layers.EmbeddingBag(np.ones((V, D), "f"), sparse=True, **option)
    exchange.to_torch(layer)(torch.from_numpy(ids)).sum().backward()


def test_bfloat16_becomes_float32():
    module = torch.nn.Embedding(V, D).bfloat16()
    W = exchange.from_torch(module).params[0]
    assert W.dtype == np.float32
    np.testing.assert_array_equal(W, module.weight.detach().float().numpy())


def test_another_byte_order():
    W = np.arange(V * D).reshape(V, D)
    module = exchange.to_torch(layers.Embedding(W.astype(">f8")))
    np.testing.assert_array_equal(module.weight.detach().numpy(), W)


def test_stacks_drop_in_training_alone(xs):
    module = torch.nn.LSTM(D, H, 2, dropout=0.5, batch_first=True).eval()
    layer = exchange.from_torch(module)
    with torch.no_grad():
        wanted = module(torch.from_numpy(xs))[0].numpy()
        close(layer.forward(xs), wanted)
        close(exchange.to_torch(layer)(torch.from_numpy(xs))[0].numpy(), wanted)
    assert exchange.from_torch(module.train()).train_flg
    layer = recurrent_layers.StackedLSTM(D, H, 2, dropout=0.5, variational=True)
    with pytest.raises(ValueError, match="layer must have no variational dropout"):
        exchange.to_torch(layer)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (torch.nn.RNN(D, H, nonlinearity="relu"), "a RNN with nonlinearity='tanh', got 'relu'"),
    ],
)
def test_options_that_layers_lack_are_refused(module, message):
    with pytest.raises(ValueError, match=message):
        exchange.from_torch(module)


def test_other_classes_are_refused():
    with pytest.raises(TypeError, match="module must be a torch.nn.Embedding, .*, got Linear"):
        exchange.from_torch(torch.nn.Linear(2, 2))
    with pytest.raises(TypeError, match="layer must be an Embedding, .*, got Softmax"):
        exchange.to_torch(layers.Softmax())


# ---- ONNX


def session(model, path):
    import onnxruntime

    exchange.export_onnx(model, path)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


LANGUAGE = {
    "SimpleRnnlm": models.SimpleRnnlm,
    "Rnnlm": models.Rnnlm,
    "RnnlmGen": models.RnnlmGen,
    "BetterRnnlm": lambda V, D, H: models.BetterRnnlm(V, H, H),
}


@pytest.mark.parametrize("name", LANGUAGE)
def test_language_models(name, ids, tmp_path, rng):
    model = LANGUAGE[name](V, D, H)
    for param in model.params:
        param[...] = rng.standard_normal(param.shape) / 2
    runtime = session(model, tmp_path / "m.onnx")
    names = [place.name for place in runtime.get_inputs()[1:]]
    state = {name: np.zeros((N, H), "f") for name in names}
    for xs in (ids, ids[:, :2]):  # the second call goes on from the first one's state
        scores, *last = runtime.run(None, {"xs": xs, **state})
        state = dict(zip(names, last, strict=True))
        close(scores, model.predict(xs))
    ours = [getattr(layer, part) for layer in model._recurrent for part in layer.state]
    for a, b in zip(last, ours, strict=True):
        close(a, b)


@pytest.mark.parametrize("made", [models.Seq2seq, models.PeekySeq2seq, models.AttentionSeq2seq])
def test_sequence_to_sequence(made, ids, tmp_path, rng):
    model = made(V, D, H)
    for param in model.params:
        param[...] = rng.standard_normal(param.shape)
    runtime = session(model, tmp_path / "m.onnx")
    given = {"xs": ids, "start_id": np.array(3), "sample_size": np.array(7)}
    (found,) = runtime.run(None, given)
    assert found.shape == (N, 7) and len(np.unique(found)) > 1
    for k in range(N):
        assert found[k].tolist() == model.generate(ids[k : k + 1], 3, 7)


def test_other_models_are_refused(tmp_path):
    with pytest.raises(TypeError, match="model must be a language model or a Seq2seq, got dict"):
        exchange.export_onnx({}, tmp_path / "m.onnx")
    with pytest.raises(TypeError, match="a language model or a Seq2seq, got StackedLSTM"):
        exchange.export_onnx(recurrent_layers.StackedLSTM(3, 4), tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
