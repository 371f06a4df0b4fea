"""The numbers that the book's own code produced: all cases of data/book.npz, none left out.

See the keys of the file: ``CASE/ARRAY`` or ``CASE/stepS/ARRAY``; a case is named after the class or
the function that it ran.
"""

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fastembed import attention, functions, models, optimizer, time_layers, trainer, util
from fastembed.reference import layers as slow_layers
from fastembed.reference import models as slow_models
from fastembed.reference import training as slow_training


def _read():
    cases = defaultdict(dict)
    with np.load(Path(__file__).parent / "data" / "book.npz", allow_pickle=False) as file:
        for key in file.files:
            case, _, name = key.partition("/")
            cases[case][name] = file[key]
    return dict(cases)


def _namespace(*modules):
    return SimpleNamespace(**{k: v for module in modules for k, v in vars(module).items()})


CASES = _read()
OURS = _namespace(util, functions, time_layers, attention, optimizer, trainer, models)
SLOW = _namespace(slow_layers, slow_training, slow_models)
MODELS = [
    "SimpleRnnlm",
    "Rnnlm",
    "BetterRnnlm_seed77",
    "Seq2seq",
    "PeekySeq2seq",
    "AttentionSeq2seq",
]
OTHERS = {
    "UnigramSampler",
    "clip_grads",
    "remove_duplicate",
    "preprocess",
    "create_co_matrix",
    "ppmi",
    "create_contexts_target",
    "convert_one_hot",
    "functions",
    "cos_similarity",
    "normalize",
}
OPTIMIZERS = [case for case in CASES if case.startswith("optimizer_")]
LAYERS = [case for case in CASES if case not in {*MODELS, *OTHERS, *OPTIMIZERS}]
BOTH = pytest.mark.parametrize("code", [OURS, SLOW], ids=["fastembed", "reference"])


def close(actual, expected, rtol=1e-5):
    """Equal within rtol of the value or of the array's largest value."""
    actual = np.asarray(actual)
    scale = np.abs(expected).max(initial=0)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * max(scale, 1e-6))


def test_the_file_has_62_cases_and_each_is_tested():
    assert len(CASES) == 62
    assert len(LAYERS) + len(OPTIMIZERS) + len(MODELS) + len(OTHERS) == 62
    assert set(MODELS) | OTHERS <= set(CASES)


def _numbered(data, prefix):
    found = (key for key in data if key.startswith(prefix) and key[len(prefix) :].isdigit())
    return [data[key].copy() for key in sorted(found, key=lambda key: int(key[len(prefix) :]))]


def _make(code, case, data):
    name, _, special = case.partition("_")
    if case.startswith("Simple_"):
        name, special = case, ""
    args, kwargs = _numbered(data, "param"), {}
    if special == "seed123":
        np.random.seed(123)
        args = [0.3]
    if special in ("stateful", "set_state"):
        kwargs["stateful"] = True
    layer = getattr(code, name)(*args, **kwargs)
    if special == "set_state":
        layer.set_state(*(data[key].copy() for key in ("h0", "c0") if key in data))
    return layer


def _tuple(value):
    return value if isinstance(value, tuple) else () if value is None else (value,)


@BOTH
@pytest.mark.parametrize("case", LAYERS)
def test_layer(case, code):
    data = CASES[case]
    layer = _make(code, case, data)
    steps = len({key.split("/")[0] for key in data if key.startswith("step")})
    for step in range(steps):
        here = f"step{step}/"
        out = _tuple(layer.forward(*_numbered(data, here + "in")))
        expected = _numbered(data, here + "out")
        assert len(out) == len(expected)
        for actual, wanted in zip(out, expected, strict=True):
            close(actual, wanted)
        douts = _numbered(data, here + "dout")
        din = _tuple(layer.backward(*(d.item() if d.ndim == 0 else d for d in douts)))
        expected = _numbered(data, here + "din")
        assert len(din) == len(expected)
        for actual, wanted in zip(din, expected, strict=True):
            close(actual, wanted)
        expected = _numbered(data, here + "grad")
        assert len(layer.grads) == len(expected)
        for actual, wanted in zip(layer.grads, expected, strict=True):
            close(actual, wanted)
        for key in data:
            if key.startswith(here + "attr_"):
                close(getattr(layer, key.removeprefix(here + "attr_")), data[key])


@BOTH
@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizer(case, code):
    data = CASES[case]
    params = _numbered(data, "param")
    update = getattr(code, case.removeprefix("optimizer_"))().update
    for step in range(3):
        update(params, _numbered(data, f"step{step}/grad"))
        for actual, wanted in zip(params, _numbered(data, f"step{step}/param"), strict=True):
            close(actual, wanted)


@BOTH
@pytest.mark.parametrize("case", MODELS)
def test_model(case, code):
    data = CASES[case]
    name, _, seeded = case.partition("_")
    model = _model(code, name)
    for param, given in zip(model.params, _numbered(data, "param"), strict=True):
        param[...] = given
    if "ppl" in data:
        if seeded:
            np.random.seed(77)
        corpus = data["corpus"]
        loop = code.RnnlmTrainer(model, code.SGD(data["lr"].item()))
        loop.fit(corpus[:-1], corpus[1:], 2, 4, 5, max_grad=0.25, eval_interval=1)
        close(loop.ppl_list, data["ppl"], 1e-4)
    else:
        np.random.seed(78)
        loop = code.Trainer(model, code.Adam())
        loop.fit(data["xs"], data["ts"], 3, 8, max_grad=5.0, eval_interval=1)
        close(loop.loss_list, data["losses"], 1e-4)
        assert model.generate(data["xs"][[0]], 1, 6) == data["generated"].tolist()
    for param, final in zip(model.params, _numbered(data, "final"), strict=True):
        close(param, final, 1e-4)


def _model(code, name):
    if name == "BetterRnnlm":
        return code.BetterRnnlm(11, 4, 4, 0.5)
    return getattr(code, name)(11, 5, 4)


@BOTH
def test_unigram_sampler(code):
    data = CASES["UnigramSampler"]
    close(code.UnigramSampler(data["corpus"], 0.75, 3).word_p, data["word_p"], 1e-12)


@BOTH
def test_clip_grads(code):
    data = CASES["clip_grads"]
    grads = _numbered(data, "in")
    code.clip_grads(grads, data["max_norm"].item())
    for actual, wanted in zip(grads, _numbered(data, "out"), strict=True):
        close(actual, wanted)


@BOTH
def test_remove_duplicate(code):
    data = CASES["remove_duplicate"]
    W, W2, grads = data["W"].copy(), data["W2"].copy(), _numbered(data, "grad")
    params, left = code.remove_duplicate([W, W2, W, W.T], grads)
    assert len(params) == len(left) == data["count"] == 2
    assert params[0] is W and params[1] is W2 and left[0] is grads[0]
    for actual, wanted in zip(left, _numbered(data, "out"), strict=True):
        close(actual, wanted)


def test_preprocess_and_what_is_made_of_it():
    corpus, word_to_id, id_to_word = util.preprocess(CASES["preprocess"]["text"].item())
    np.testing.assert_array_equal(corpus, CASES["preprocess"]["corpus"])
    assert list(word_to_id) == CASES["preprocess"]["words"].tolist()
    assert id_to_word == {k: word for word, k in word_to_id.items()}
    C = util.create_co_matrix(corpus, 7)
    np.testing.assert_array_equal(C, CASES["create_co_matrix"]["out"])
    assert C.dtype == np.int32
    close(util.ppmi(C), CASES["ppmi"]["out"])
    contexts, target = util.create_contexts_target(corpus, 1)
    np.testing.assert_array_equal(contexts, CASES["create_contexts_target"]["contexts"])
    np.testing.assert_array_equal(target, CASES["create_contexts_target"]["target"])
    one_hot = CASES["convert_one_hot"]
    np.testing.assert_array_equal(util.convert_one_hot(target, 7), one_hot["target"])
    np.testing.assert_array_equal(util.convert_one_hot(contexts, 7), one_hot["contexts"])


@BOTH
def test_functions(code):
    data = CASES["functions"]
    x = data["x"]
    close(code.softmax(x), data["softmax"])
    close(code.softmax(x[0]), data["softmax_1d"])
    close(code.sigmoid(x), data["sigmoid"])
    close(code.relu(x), data["relu"])
    close(code.cross_entropy_error(data["softmax"], data["t"]), data["cross_entropy_error"])


def test_cos_similarity_and_normalize():
    data = CASES["cos_similarity"]
    close(util.cos_similarity(data["x"], data["y"]), data["out"])
    data = CASES["normalize"]
    x = data["x"].copy()
    assert util.normalize(x) is x
    close(x, data["out"])
