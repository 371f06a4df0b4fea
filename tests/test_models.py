"""Models: the same as on the slow layers, step by step; files; generated text."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from fastembed import models, optimizer, trainer
from fastembed.reference import models as slow
from fastembed.reference import training as slow_training

V, D, H, N, T = 13, 6, 5, 4, 7
CORPUS = np.random.default_rng(0).integers(0, V, 500)
SIZES = {
    "SimpleRnnlm": (V, D, H),
    "Rnnlm": (V, D, H),
    "BetterRnnlm": (V, H, H, 0.5),
    "SimpleCBOW": (V, H),
    "SimpleSkipGram": (V, H),
    "CBOW": (V, H, 2, CORPUS),
    "SkipGram": (V, H, 2, CORPUS),
    "Seq2seq": (V, D, H),
    "PeekySeq2seq": (V, D, H),
    "AttentionSeq2seq": (V, D, H),
}
LANGUAGE_MODELS = [name for name in SIZES if "Rnnlm" in name]
every_model = pytest.mark.parametrize("name", SIZES)


def build(module, name, dtype="f"):
    np.random.seed(9)
    model = getattr(module, name)(*SIZES[name])
    if dtype != "f":
        widen(model, dtype)
    return model


def widen(model, dtype):
    """Give every layer parameters and gradients of another dtype, shared ones once."""
    wide = {}

    def converted(array):
        base = array if array.base is None else array.base
        if id(base) not in wide:
            wide[id(base)] = base, base.astype(dtype)
        found = wide[id(base)][1]
        return found if base is array else found.T

    for layer in model.layers:
        layer.params[:] = [converted(param) for param in layer.params]
        layer.grads[:] = [np.zeros_like(param) for param in layer.params]
        if hasattr(layer, "W"):
            layer.W = layer.params[0]
    model.params = [param for layer in model.layers for param in layer.params]
    model.grads = [grad for layer in model.layers for grad in layer.grads]


def batches(name, steps):
    rng = np.random.default_rng(4)
    for _ in range(steps):
        if "Rnnlm" in name:
            yield rng.integers(0, V, (N, T)), rng.integers(-1, V, (N, T))
        elif "eq2seq" in name:
            yield rng.integers(0, V, (N, T)), rng.integers(0, V, (N, 5))
        elif name.startswith("Simple"):
            one_hot = np.eye(V, dtype=np.int32)
            yield one_hot[rng.integers(0, V, (N, 2))], one_hot[rng.integers(0, V, N)]
        else:
            yield rng.integers(0, V, (N, 4)), rng.integers(0, V, N)


def train(model, name, loop, update, steps=10):
    """Losses of some steps with clipping, and the parameters afterwards, each once."""
    losses = []
    np.random.seed(11)
    for batch in batches(name, steps):
        losses.append(model.forward(*batch))
        model.backward()
        params, grads = loop.remove_duplicate(model.params, model.grads)
        clip = trainer.clip_grads if loop is trainer else slow_training.clip_grads
        clip(grads, 0.25)
        update(params, grads)
    return losses, params


@every_model
def test_the_same_seed_gives_the_same_parameters(name):
    fast, plain = build(models, name), build(slow, name)
    np.random.rand()
    once = slow_training.remove_duplicate(plain.params, plain.grads)[0]
    mine = slow_training.remove_duplicate(fast.params, fast.grads)[0]
    for a, b in zip(mine, once, strict=True):
        np.testing.assert_array_equal(a, b)
    if name not in ("CBOW", "SkipGram"):
        assert len(fast.params) == len(plain.params)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@every_model
def test_ten_steps_equal_those_of_the_slow_layers(name, kind):
    fast = train(build(models, name), name, trainer, getattr(optimizer, kind)().update)
    plain = train(build(slow, name), name, slow_training, getattr(slow_training, kind)().update)
    np.testing.assert_allclose(fast[0], plain[0], rtol=1e-5)
    for a, b in zip(fast[1], plain[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


def simple_loss(name, W_in, W_out, contexts, target):
    """The loss of the simple models as one formula."""
    pairs = [(contexts.mean(axis=1), target)]
    if name == "SimpleSkipGram":
        pairs = [(target, contexts[:, 0]), (target, contexts[:, 1])]
    loss = 0
    for given, wanted in pairs:
        e = np.exp(given @ W_in @ W_out)
        loss -= np.log((e * wanted).sum(axis=1) / e.sum(axis=1) + 1e-7).mean()
    return loss


@pytest.mark.parametrize("name", ["SimpleCBOW", "SimpleSkipGram"])
def test_simple_word_vectors_against_the_formula(name):
    model, batch = build(models, name), next(batches(name, 1))
    for param in (model.params[0], model.params[-1]):
        param *= 30
    params = [param.astype("d") for param in (model.params[0], model.params[-1])]
    assert model.forward(*batch) == pytest.approx(simple_loss(name, *params, *batch), rel=1e-5)
    model.backward()
    grads = slow_training.remove_duplicate(model.params, model.grads)[1]
    for param, grad in zip(params, grads, strict=True):
        for place in [(0, 0), (2, 3), (-1, -1)]:
            around = []
            for step in (1e-6, -2e-6):
                param[place] += step
                around.append(simple_loss(name, *params, *batch))
            param[place] += 1e-6
            assert grad[place] == pytest.approx((around[0] - around[1]) / 2e-6, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_ten_steps_in_float64(name):
    """Between the layers xs, hs and dxs are float32, as in the book; the rest is float64."""
    fast = train(build(models, name, "d"), name, trainer, optimizer.SGD(1.0).update)
    plain = train(build(slow, name, "d"), name, slow_training, slow_training.SGD(1.0).update)
    np.testing.assert_allclose(fast[0], plain[0], rtol=1e-12)
    assert all(param.dtype == np.float64 for param in fast[1])


@every_model
def test_forward_writes_no_gradient(name):
    model, batch = build(models, name), next(batches(name, 1))
    for grad in model.grads:
        grad.fill(7)
    model.forward(*batch)
    assert all((grad == 7).all() for grad in model.grads)


@every_model
def test_gradients_set_to_zero_after_forward_are_made_by_backward(name):
    batch, results = next(batches(name, 1)), []
    for zero in (False, True):
        model = build(models, name)  # sets the seed
        model.forward(*batch)
        for grad in model.grads if zero else []:
            grad.fill(0)
        model.backward()
        results.append(model.grads)
    for grad, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(grad, expected)


@every_model
def test_a_validation_forward_before_the_update_changes_no_gradient(name):
    model, (batch, other) = build(models, name), batches(name, 2)
    model.forward(*batch)
    model.backward()
    expected = [grad.copy() for grad in model.grads]
    model.forward(*other)
    for grad, value in zip(model.grads, expected, strict=True):
        np.testing.assert_array_equal(grad, value)


@pytest.mark.parametrize("name", ["Rnnlm", "BetterRnnlm"])
def test_train_flg_switches_dropout_off_and_changes_no_loss_else(name):
    model = build(models, name)
    batch = next(batches(name, 1))
    losses = []
    for _ in range(2):
        model.reset_state()
        losses.append(model.forward(*batch, train_flg=False))
    assert losses[0] == losses[1]
    model.reset_state()
    trained = model.forward(*batch)
    assert (trained == pytest.approx(losses[0], rel=1e-6)) == (name == "Rnnlm")


def test_a_subclass_that_predicts_otherwise_is_heard():
    class Doubled(models.Rnnlm):
        def predict(self, xs, train_flg=False):
            return 2 * super().predict(xs, train_flg)

    batch = next(batches("Rnnlm", 1))
    plain, doubled = build(models, "Rnnlm"), Doubled(*SIZES["Rnnlm"])
    for mine, given in zip(doubled.params, plain.params, strict=True):
        mine[...] = given
    plain.params[-2] *= 2
    plain.params[-1] *= 2
    assert doubled.forward(*batch) == pytest.approx(plain.forward(*batch), rel=1e-6)


def test_another_ignore_label_or_loss_is_heard():
    xs, ts = next(batches("Rnnlm", 1))
    a, b = build(models, "Rnnlm"), build(slow, "Rnnlm")
    a.loss_layer.ignore_label = b.loss_layer.ignore_label = 3
    ts = np.abs(ts)
    assert a.forward(xs, ts) == pytest.approx(b.forward(xs, ts), rel=1e-5)

    class Twice(models.TimeSoftmaxWithLoss):
        def forward(self, xs, ts):
            return 2 * super().forward(xs, ts)

    a.reset_state()
    once = a.forward(xs, ts)
    a.loss_layer = Twice()
    a.loss_layer.ignore_label = 3
    a.reset_state()
    assert a.forward(xs, ts) == pytest.approx(2 * once, rel=1e-6)
    a.backward()


@pytest.mark.parametrize("name", ["RnnlmGen", "BetterRnnlmGen"])
def test_generation(name):
    np.random.seed(1)
    model = getattr(models, name)(V, H, H)
    np.random.seed(2)
    words = model.generate(3, skip_ids=[1, 2], sample_size=40)
    assert len(words) == 40 and words[0] == 3 and not {1, 2} & set(words[1:])
    assert all(type(word) is int for word in words)
    model.reset_state()
    np.random.seed(2)
    assert model.generate(3, [1, 2], 40) == words
    model.reset_state()
    greedy = model.generate(3, sample_size=10, temperature=0)
    model.reset_state()
    assert model.beam_search(3, sample_size=10, beam_size=1) == greedy
    model.reset_state()
    assert model.generate(3, sample_size=10, temperature=1e-10) == greedy
    with pytest.raises(ValueError, match="temperature"):
        model.generate(3, temperature=-1)


@pytest.mark.parametrize("name", ["RnnlmGen", "BetterRnnlmGen"])
def test_states_can_be_taken_and_put_back(name):
    model = getattr(models, name)(V, H, H)
    model.predict(np.array([[1]]))
    state = model.get_state()
    scores = model.predict(np.array([[2]]))
    model.set_state(state)
    np.testing.assert_array_equal(model.predict(np.array([[2]])), scores)


def log_probability(model, words):
    """Of words[1:] after words[0], by a language model."""
    model.reset_state()
    scores = model.predict(np.array([words[:-1]]))[0].astype("d")
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return logs[np.arange(len(words) - 1), words[1:]].sum()


def test_a_beam_as_wide_as_the_vocabulary_finds_the_best_pair():
    np.random.seed(5)
    model = models.RnnlmGen(V, D, H)
    for param in model.params:
        param *= 20
    best = max(
        ([0, a, b] for a in range(V) for b in range(V)),
        key=lambda words: log_probability(model, words),
    )
    model.reset_state()
    assert model.beam_search(0, sample_size=3, beam_size=V) == best
    with pytest.raises(ValueError, match="beam_size"):
        model.beam_search(0, beam_size=0)


@pytest.mark.parametrize("name", ["Seq2seq", "PeekySeq2seq", "AttentionSeq2seq"])
def test_answers(name):
    fast, plain = build(models, name), build(slow, name)
    question = np.arange(T).reshape(1, T)
    guess = fast.generate(question, 1, 6)
    assert guess == plain.generate(question, 1, 6)
    assert fast.beam_search(question, 1, 6, beam_size=1) == guess
    assert len(fast.beam_search(question, np.int64(1), 6, beam_size=3)) == 6


# ---- files


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.safetensors")


@pytest.mark.parametrize("name", ["Rnnlm", "BetterRnnlm", "AttentionSeq2seq"])
def test_save_and_load_keep_every_bit(name, path):
    model, other = build(models, name), getattr(models, name)(*SIZES[name])
    model.save(path, {"words": "a b c"})
    assert other.load(path) == {"words": "a b c"}
    for a, b in zip(model.params, other.params, strict=True):
        np.testing.assert_array_equal(a, b)


def test_damaged_and_foreign_files_are_refused_and_change_nothing(path, tmp_path):
    model = build(models, "Rnnlm")
    before = [param.copy() for param in model.params]
    model.save(path)
    whole = Path(path).read_bytes()
    for data in (whole[:100], whole[:-10], b"", b"not a file of parameters"):
        with open(path, "wb") as file:
            file.write(data)
        with pytest.raises(ValueError, match="is not a safetensors file"):
            model.load(path)
    models.Rnnlm(V, D, H + 1).save(path)
    with pytest.raises(ValueError, match="parameter 1 has shape"):
        model.load(path)
    build(models, "SimpleRnnlm").save(path)
    with pytest.raises(ValueError, match="has shape"):
        model.load(path)
    build(models, "BetterRnnlm").save(path)
    with pytest.raises(ValueError, match="holds 9 parameters, the model has 6"):
        model.load(path)
    with pytest.raises(OSError, match="No file"):
        model.load(str(tmp_path / "missing"))
    for a, b in zip(model.params, before, strict=True):
        np.testing.assert_array_equal(a, b)


class Dangerous:
    def __reduce__(self):
        return (os.getcwd, ())


def test_load_params_takes_arrays_alone(path):
    model = build(models, "Rnnlm")
    before = [param.copy() for param in model.params]
    arrays = [param.astype(np.float16) for param in model.params]
    for content, message in [
        (pickle.dumps([*arrays[:-1], Dangerous()]), "which is not an array"),
        (pickle.dumps(arrays)[:-20], "is not a file of parameters"),
        (pickle.dumps({"a": arrays[0]}), "EMPTY_DICT, which no array needs"),
        (pickle.dumps(arrays[:-1]), "holds 5 parameters"),
        (pickle.dumps([*arrays[:-1], arrays[0]]), "has shape"),
        (pickle.dumps([*arrays[:-1], np.zeros(V, int)]), "floating point"),
    ]:
        with open(path, "wb") as file:
            file.write(content)
        with pytest.raises(ValueError, match=message):
            model.load_params(path)
    with pytest.raises(OSError, match="No file: "):
        model.load_params(path + "x")
    for a, b in zip(model.params, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_load_params_reads_every_protocol(protocol, path):
    model, other = build(models, "Rnnlm"), models.Rnnlm(V, D, H)
    with open(path, "wb") as file:
        pickle.dump([param.astype(np.float16) for param in model.params], file, protocol)
    other.load_params(path)
    np.testing.assert_allclose(other.params[0], model.params[0], rtol=1e-3, atol=1e-6)


def test_default_file_names_are_the_class_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = build(models, "Rnnlm")
    model.save_params()
    assert os.listdir() == ["Rnnlm.pkl"]
    model.load_params()


def test_a_failed_save_leaves_the_old_file(path, monkeypatch):
    model = build(models, "Rnnlm")
    model.save(path)
    before = Path(path).read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        model.save(path)
    assert Path(path).read_bytes() == before
    assert os.listdir(os.path.dirname(path)) == ["model.safetensors"]
