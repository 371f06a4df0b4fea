"""Classes with the book's names that do something else: left alone, with a reason, unchanged."""

import contextlib
import re
import warnings

import numpy as np
import pytest

from fastembed import dropin
from fastembed.dropin import site
from fastembed.dropin.known import KNOWN_FUNCTIONS, KNOWN_LAYERS
from fastembed.dropin.probe import _unlike as unlike_rows
from fastembed.dropin.scenarios import Run, scenarios
from fastembed.dropin.session import session

# what: (module, changes, {class or function: words that the reason must have})
VARIANTS = {
    "an embedding that loses duplicate ids": (
        "layers",
        [("Embedding", "np.add.at(dW, self.idx, dout)", "dW[self.idx] = dW[self.idx] + dout")],
        {"Embedding": "grads.0..*here.*from fastembed"},
    ),
    "an embedding through time that loses duplicate ids": (
        "layers",
        [("TimeEmbedding", "total += self.layers[t].grads[0]", "total = self.layers[t].grads[0]")],
        {"TimeEmbedding": "grads.0."},
    ),
    "softmax that changes its argument": (
        "layers",
        [
            (
                "",
                "def softmax(x):\n",
                "def softmax(x):\n    x -= x.max(-1, keepdims=True)\n    np.exp(x, out=x)\n"
                "    x /= x.sum(-1, keepdims=True)\n    return x\n\n\ndef softmax_before(x):\n",
            ),
        ],
        {
            name: r"line 22 calls np.exp.x, out=x."
            for name in ("Softmax", "SoftmaxWithLoss", "TimeSoftmaxWithLoss")
        },
    ),
    "no label is ignored": (
        "layers",
        [("TimeSoftmaxWithLoss", "mask = (ts != self.ignore_label)", "mask = (ts == ts)")],
        {"TimeSoftmaxWithLoss": r"line \d+ compares ts == ts"},
    ),
    "dropout that is off by default": (
        "layers",
        [
            ("Dropout", "train_flg=True", "train_flg=False"),
            ("TimeDropout", "self.train_flg = True", "self.train_flg = False"),
        ],
        {
            "Dropout": "training steps: backward raises TypeError",
        },
    ),
    "GRU without bias": (
        "layers",
        [
            (
                "TimeGRU",
                "cell = GRU",
                "cell = GRU\n\n    def __init__(self, Wx, Wh, stateful=False):\n"
                "        super().__init__(Wx, Wh, np.zeros(Wx.shape[1], 'f'), stateful)",
            ),
        ],
        {"TimeGRU": "training steps: forward raises ValueError"},
    ),
    "a loss that is a stub": (
        "layers",
        [
            (
                "SoftmaxWithLoss",
                "return cross_entropy_error(self.y, self.t)",
                "return np.float32(0)",
            ),
            ("TimeSoftmaxWithLoss", "return losses.sum() / mask.sum()", "return np.float64(0)"),
        ],
        {"SoftmaxWithLoss": "forward returns: 0 here", "TimeSoftmaxWithLoss": "returns: 0 here"},
    ),
    "a loss that is not implemented": (
        "layers",
        [("SoftmaxWithLoss", "self.y = softmax(x)", "raise NotImplementedError")],
        {"SoftmaxWithLoss": r"line \d+ has raise NotImplementedError"},
    ),
    "another library's dot, less precise": (
        "layers",
        [
            (
                "",
                "import numpy as np\n",
                "import numpy\n\n\nclass np:\n    def dot(a, b):\n"
                "        return numpy.dot(a.astype('e'), b.astype('e')).astype('f')\n\n\n"
                "for name in dir(numpy):\n    if name != 'dot' and name[0] != '_':\n"
                "        setattr(np, name, getattr(numpy, name))\n",
            )
        ],
        {
            name: r"line \d+ reads np.zeros_like"
            for name in ("MatMul", "Affine", "TimeAffine", "TimeLSTM", "TimeRNN")
        },
    ),
    "another library's dot, another dtype": (
        "layers",
        [
            (
                "MatMul",
                "return np.dot(x, self.params[0])",
                "return np.dot(x, self.params[0]).astype(float)",
            )
        ],
        {"MatMul": "float64 of shape .* here, float32"},
    ),
    "another library's arrays": (
        "layers",
        [
            (
                "MatMul",
                "return np.dot(x, self.params[0])",
                "return np.ma.array(np.dot(x, self.params[0]))",
            )
        ],
        {"MatMul": r"line \d+ reads ma.array of np"},
    ),
    "gates in another order": (
        "layers",
        [
            ("LSTM", "i, o = sigmoid(a[:, 2 * H", "o, i = sigmoid(a[:, 2 * H"),
        ],
        {"TimeLSTM": "training steps: what forward returns"},
    ),
    "gradients that add up": (
        "layers",
        [("_Layer", "mine[...] = grad", "mine[...] += grad")],
        {name: "grads.0." for name in ("TimeAffine", "TimeEmbedding", "TimeLSTM")},
    ),
    "a state that is reused in place": (
        "layers",
        [
            (
                "TimeRNN",
                "self.h = hs[:, t] = layer.forward(xs[:, t], self.h)",
                "self.h[...] = hs[:, t] = layer.forward(xs[:, t], self.h.copy())",
            )
        ],
        {"TimeRNN": "a state that the caller kept"},
    ),
    "a hidden counter": (
        "layers",
        [
            (
                "MatMul",
                "self.x = x\n",
                "self.x = x\n        self._calls = getattr(self, '_calls', 0) + 1\n"
                "        self._calls += 0\n",
            )
        ],
        {"MatMul": r"line \d+ calls getattr.self, '_calls', 0."},
    ),
    "inputs clipped when large": (
        "layers",
        [("", "return 1 / (1 + np.exp(-x))", "return 1 / (1 + np.exp(-np.clip(x, -6, 6)))")],
        {name: "line 13 has the number 6" for name in ("TimeLSTM", "TimeGRU")},
    ),
    "softmax that is not stable": (
        "layers",
        [("", "np.exp(x - x.max(axis=-1, keepdims=True))", "np.exp(x)")],
        {"Softmax": "large inputs"},
    ),
    "a padding id without gradient": (
        "layers",
        [("TimeEmbedding", "self._fill(total)", "total[0] = 0\n        self._fill(total)")],
        {"TimeEmbedding": "grads.0."},
    ),
    "a sampler that may draw the target": (
        "layers",
        [("UnigramSampler", "p[word] = 0", "p[word] = p[word]")],
        {"UnigramSampler": "seeded draws"},
    ),
    "a sampler that draws with replacement": (
        "layers",
        [("UnigramSampler", "replace=False", "replace=True")],
        {"UnigramSampler": "seeded draws"},
    ),
    "attention that is scaled": (
        "layers",
        [("AttentionWeight", "(hs * query).sum(axis=2)", "(hs * query).sum(axis=2) / 2")],
        {"AttentionWeight": "here", "Attention": "here", "TimeAttention": "here"},
    ),
    "weight decay": (
        "training",
        [("SGD", "param -= self.lr * grad", "param -= self.lr * (grad + 1e-3 * param)")],
        {"SGD": r"line 12 has the number 0.001"},
    ),
    "another epsilon": (
        "training",
        [("Adam", "+ 1e-7", "+ 1e-8")],
        {"Adam": "argument 1 after update"},
    ),
    "an optimizer that makes new arrays": (
        "training",
        [
            (
                "SGD",
                "param -= self.lr * grad",
                "pass\n        params[:] = [p - self.lr * g for p, g in zip(params, grads)]",
            )
        ],
        {"SGD": "whether the arrays stay the same objects"},
    ),
    "an optimizer of another kind": (
        "training",
        [("Adam", "def __init__(self, lr=0.001", "def __init__(self, params, lr=0.001")],
        {"Adam": "it raises TypeError: .*missing 1 required positional argument: 'params'"},
    ),
    "clipping each gradient by itself": (
        "training",
        [
            (
                "",
                "rate = max_norm / (norm + 1e-6)\n    if rate < 1:\n        for grad in grads:",
                "if True:\n        for grad in grads:\n"
                "            rate = min(1, max_norm / np.linalg.norm(grad))",
            ),
        ],
        {"clip_grads": r"line \d+ asks for True"},
    ),
    "shared gradients averaged": (
        "training",
        [("", "grads[i] += grads[j]\n", "grads[i] += grads[j]\n                grads[i] /= 2\n")],
        {"remove_duplicate": "shared and tied weights"},
    ),
    "batches that do not wrap around": (
        "util",
        [
            (
                "RnnlmTrainer",
                "x[(start + self.time_idx) % size]",
                "x[min(start + self.time_idx, size - 1)]",
            )
        ],
        {"RnnlmTrainer": "get_batch"},
    ),
    "contexts in another order": (
        "util",
        [("", "contexts.append(left + right)", "contexts.append(right + left)")],
        {"create_contexts_target": "a window of 1"},
    ),
    "one-hot rows of floats": (
        "util",
        [
            (
                "",
                "one_hot = np.zeros(corpus.shape + (vocab_size,), dtype=np.int32)",
                "one_hot = np.zeros(corpus.shape + (vocab_size,))",
            )
        ],
        {"convert_one_hot": "float64 of shape"},
    ),
}


@pytest.mark.parametrize("what", VARIANTS)
def test_contract_variant_is_left_alone(project, what):
    name, changes, expected = VARIANTS[what]
    plain, fast = project.twins(name, *changes, only=expected)
    for wanted, words in expected.items():
        subject = find(wanted)
        assert subject.reason is not None, f"{wanted} was accelerated"
        assert re.search(words, subject.reason), subject.reason
        own = getattr(fast, wanted)
        assert subject.value is own
        assert_untouched(own)
        assert_same_bits(wanted, getattr(plain, wanted), own)
    dropin.uninstall()
    for wanted in expected:
        assert_untouched(getattr(fast, wanted))


def find(name):
    """What became of a class or function, which is probed if it was not yet."""
    *_, subject = (s for s in session.subjects.values() if s.where.split(".")[-1] == name)
    session.probe(subject)
    return subject


def assert_untouched(value):
    names = ("forward", "backward", "update", "get_batch", "get_negative_sample")
    own = [vars(value).get(name) for name in names] if isinstance(value, type) else [value]
    assert not any(
        site.is_body(function.__code__) for function in own if hasattr(function, "__code__")
    )


def assert_same_bits(name, plain, own):
    """Whatever it does, it does the same as in the user's own module."""
    for known in {**KNOWN_LAYERS, **KNOWN_FUNCTIONS}[name]:
        for scenario in scenarios(known):
            expected, found = (seen(scenario, known, value) for value in (plain, own))
            assert unlike_rows(expected, found) is None


def seen(scenario, known, value):
    run = Run(known, value, {method: getattr(value, method) for method in known.methods})
    np.random.seed(3)
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scenario.work(run)
    return run.rows


# ---- what a probe may meet


def test_a_class_that_never_comes_back_is_left_alone(project):
    project.twins(
        "layers", ("Softmax", "self.out = softmax(x)", "\n        while True:\n            pass")
    )
    assert re.fullmatch(r"line \d+ has while True:", find("Softmax").reason)
    assert find("MatMul").reason is None


def test_a_name_that_is_missing_is_told(project):
    project.twins("layers", ("Softmax", "self.out = softmax(x)", "self.out = hardmax(x)"))
    assert "hardmax" in find("Softmax").reason


def test_methods_that_are_no_functions_are_left_alone(project):
    project.twins(
        "layers",
        ("MatMul", "    def forward(self, x)", "    @staticmethod\n    def forward(self, x)"),
    )
    assert find("MatMul").reason == "MatMul.forward is not a plain method"


def test_no_code_of_a_class_that_is_left_alone_runs(project, capfd):
    text = project.source("layers", ("MatMul", "self.x = None", "print('made')"))
    project.write("loud", text)
    np.random.seed(8)
    expected = np.random.rand()
    np.random.seed(8)
    dropin.install()
    project.load("loud")
    assert np.random.rand() == expected
    assert capfd.readouterr() == ("", "")
    assert re.fullmatch(r"line \d+ calls print\('made'\)", find("MatMul").reason)


def test_a_reason_stands_in_the_report(project, capsys):
    project.twins("layers", ("SoftmaxWithLoss", "self.y = softmax(x)", "self.y = softmax(2 * x)"))
    find("SoftmaxWithLoss")
    dropin.report()
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if "left alone: my_layers.SoftmaxWithLoss" in line)
    assert "what forward returns" in line and "from fastembed" in line


def test_softmax_defined_again_later_sends_calls_back(project):
    _, fast = project.twins("layers")
    layer = fast.SoftmaxWithLoss()
    x, t = np.ones((700, 50), "f"), np.zeros(700, int)
    loss = layer.forward(x, t)
    fast.softmax = lambda x: np.ones_like(x)
    assert layer.forward(x, t) != loss
    (reason,) = find("SoftmaxWithLoss").stats.fallbacks
    assert reason.startswith("softmax is no longer")
    assert site.originals.depth == 0
