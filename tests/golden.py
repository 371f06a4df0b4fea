"""What the cases of ``data/book.npz`` do: the book's code made it so, ours is tested so.

Keys are ``CASE/ARRAY`` or ``CASE/stepS/ARRAY``; a case is named after the class or the function
that it runs, and what follows an underscore says what is special about it. The inputs among the
arrays were drawn once, at random; `run` makes the others out of them.
"""

import re
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np

FILE = Path(__file__).parent / "data" / "book.npz"
RNNLMS = ["SimpleRnnlm", "Rnnlm", "BetterRnnlm_seed77"]
SEQ2SEQS = ["Seq2seq", "PeekySeq2seq", "AttentionSeq2seq"]
INPUT = re.compile(r"(step\d/)?(in|dout)\d|param\d|[hc]0|corpus|lr|max_norm|text|xs|ts|x|y|t|W2?")


def read():
    """Case -> name of an array -> array."""
    cases = defaultdict(dict)
    with np.load(FILE, allow_pickle=False) as file:
        for key in file.files:
            case, _, name = key.partition("/")
            cases[case][name] = file[key]
    return dict(cases)


def names(*modules):
    """One namespace of several modules."""
    return SimpleNamespace(**{k: v for module in modules for k, v in vars(module).items()})


def is_input(case, name):
    if case.startswith(("optimizer_", "remove_duplicate")) and "grad" in name:
        return True
    return INPUT.fullmatch(name) is not None and (case, name) != ("preprocess", "corpus")


def outputs(case, data):
    """The names of the arrays that `run` makes."""
    return {name for name in data if not is_input(case, name)}


def run(code, case, data):
    """Name -> array, of everything that a case makes out of its inputs."""
    data = {name: array.copy() for name, array in data.items()}
    if case.startswith("optimizer_"):
        return dict(_optimizer(code, case, data))
    if case in RNNLMS + SEQ2SEQS:
        return dict(_model(code, case, data))
    if case in FUNCTIONS:
        return dict(FUNCTIONS[case](code, data))
    return dict(_layer(code, case, data))


def _numbered(data, prefix):
    found = (key for key in data if key.startswith(prefix) and key[len(prefix) :].isdigit())
    return [data[key] for key in sorted(found, key=lambda key: int(key[len(prefix) :]))]


def _named(prefix, values):
    values = values if isinstance(values, tuple | list) else () if values is None else (values,)
    for k, value in enumerate(values):
        yield f"{prefix}{k}", np.array(value)


def _layer(code, case, data):
    name, _, special = case.partition("_")
    if case.startswith("Simple_"):
        name, special = case, ""
    arguments, options = _numbered(data, "param"), {}
    if special == "seed123":
        np.random.seed(123)
        arguments = [0.3]
    if special in ("stateful", "set_state"):
        options["stateful"] = True
    layer = getattr(code, name)(*arguments, **options)
    if special == "set_state":
        layer.set_state(*(data[key] for key in ("h0", "c0") if key in data))
    for here in sorted({key.split("/")[0] + "/" for key in data if key.startswith("step")}):
        yield from _named(here + "out", layer.forward(*_numbered(data, here + "in")))
        douts = [dout if dout.ndim else dout.item() for dout in _numbered(data, here + "dout")]
        yield from _named(here + "din", layer.backward(*douts))
        yield from _named(here + "grad", getattr(layer, "grads", []))
        for key in data:
            if key.startswith(here + "attr_"):
                yield key, np.array(getattr(layer, key.removeprefix(here + "attr_")))


def _optimizer(code, case, data):
    params = _numbered(data, "param")
    update = getattr(code, case.removeprefix("optimizer_"))().update
    for step in range(3):
        update(params, _numbered(data, f"step{step}/grad"))
        yield from _named(f"step{step}/param", params)


def _model(code, case, data):
    name = case.partition("_")[0]
    sizes = (11, 4, 4, 0.5) if name == "BetterRnnlm" else (11, 5, 4)
    model = getattr(code, name)(*sizes)
    for param, given in zip(model.params, _numbered(data, "param"), strict=True):
        param[...] = given
    np.random.seed(77 if case in RNNLMS else 78)
    if case in RNNLMS:
        corpus = data["corpus"]
        loop = code.RnnlmTrainer(model, code.SGD(data["lr"].item()))
        loop.fit(corpus[:-1], corpus[1:], 2, 4, 5, max_grad=0.25, eval_interval=1)
        yield "ppl", np.array(loop.ppl_list, float)
    else:
        loop = code.Trainer(model, code.Adam())
        loop.fit(data["xs"], data["ts"], 3, 8, max_grad=5.0, eval_interval=1)
        yield "losses", np.array(loop.loss_list, float)
        yield "generated", np.array(model.generate(data["xs"][[0]], 1, 6))
    yield from _named("final", model.params)


def _clip_grads(code, data):
    grads = _numbered(data, "in")
    code.clip_grads(grads, data["max_norm"].item())
    return _named("out", grads)


def _remove_duplicate(code, data):
    W, W2, grads = data["W"], data["W2"], _numbered(data, "grad")
    params, left = code.remove_duplicate([W, W2, W, W.T], grads)
    assert params[0] is W and params[1] is W2 and left[0] is grads[0]
    return [("count", np.array(len(left))), *_named("out", left)]


def _words(code, data):
    corpus, word_to_id, id_to_word = code.preprocess(str(read()["preprocess"]["text"]))
    contexts, target = code.create_contexts_target(corpus, 1)
    assert id_to_word == {k: word for word, k in word_to_id.items()}
    return SimpleNamespace(corpus=corpus, words=list(word_to_id), contexts=contexts, target=target)


def _preprocess(code, data):
    made = _words(code, data)
    return [("corpus", made.corpus), ("words", np.array(made.words))]


def _contexts(code, data):
    made = _words(code, data)
    return [("contexts", made.contexts), ("target", made.target)]


def _one_hot(code, data):
    pairs = _contexts(code, data)
    return [(name, code.convert_one_hot(ids, 7)) for name, ids in reversed(pairs)]


def _co_matrix(code, data):
    return code.create_co_matrix(_words(code, data).corpus, 7)


def _functions(code, data):
    x = data["x"]
    y = code.softmax(x)
    yield from [("softmax", y), ("softmax_1d", code.softmax(x[0])), ("sigmoid", code.sigmoid(x))]
    yield "relu", code.relu(x)
    yield "cross_entropy_error", np.array(code.cross_entropy_error(y, data["t"]))


def _normalize(code, data):
    assert code.normalize(data["x"].copy()) is not None
    x = data["x"]
    code.normalize(x)
    return [("out", x)]


FUNCTIONS = {
    "UnigramSampler": lambda code, data: [
        ("word_p", code.UnigramSampler(data["corpus"], 0.75, 3).word_p)
    ],
    "clip_grads": _clip_grads,
    "remove_duplicate": _remove_duplicate,
    "preprocess": _preprocess,
    "create_co_matrix": lambda code, data: [("out", _co_matrix(code, data))],
    "ppmi": lambda code, data: [("out", code.ppmi(_co_matrix(code, data)))],
    "create_contexts_target": _contexts,
    "convert_one_hot": _one_hot,
    "functions": _functions,
    "cos_similarity": lambda code, data: [
        ("out", np.array(code.cos_similarity(data["x"], data["y"])))
    ],
    "normalize": _normalize,
}
