"""The classes and functions that we know, and which calls ours can take over: a table.

An entry says nothing about the user's code: that it is of the book's kind is read in it, that it
behaves like the book's is what a probe finds out. ``accepts`` answers None, or the reason why one
call goes to the original.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fastembed.dropin import domain, works


@dataclass(frozen=True)
class Function:
    """A function of the book's that ours can take over.

    Parameters
    ----------
    name : str
    module : str
        Our module that has the function, or the class, of this name.
    accepts : callable
        ``(*arguments)`` -> the reason why a call goes to the original, or None.
    small : callable, optional
        ``(*arguments)`` -> whether the original is as quick.
    work : callable, optional
        What does the work, if not our function of the name.
    free : bool
        Whether its loops go over words and lists: conditions on what changes in a loop are then of
        the book's kind, too.
    compares : bool
        Whether conditions on other values are, too; real calls will show.
    never : tuple of str
        Arguments that are false in all calls that ours takes.
    in_place : bool
        Whether it changes its arguments: it cannot be run again after a failure.
    watches : bool
        Whether real calls are compared; what is called once in a program would gain nothing.
    """

    name: str
    module: str
    accepts: Callable
    small: Callable | None = None
    work: Callable | None = None
    free: bool = True
    compares: bool = False
    never: tuple = ()
    in_place: bool = False
    watches: bool = True

    def ours(self):
        return getattr(importlib.import_module(f"fastembed.{self.module}"), self.name)


@dataclass(frozen=True)
class Layer:
    """A class of the book's whose methods ours can take over; more fields are those of Function.

    Parameters
    ----------
    accepts, accepts_backward : callable
        ``(layer, *arguments)`` and ``(layer, shape of the output, *arguments)`` -> reason or None.
    methods : tuple of str
        The first does the work of forward; others follow what it did.
    reads : tuple of str
        Attributes of the user's object that ours needs before forward (``params`` and ``grads``
        before backward too).
    writes, backward_writes : tuple of str
        Attributes that a call leaves on the user's object.
    hides : tuple of str
        Attributes that the user's own forward makes if somebody reads them.
    state : tuple of str
        Attributes that forward both reads and writes.
    labels : int, optional
        Which argument holds ids that the original backward reads again.
    wide : str, optional
        What is float64 after a float64 gradient: what backward returns ("out") or what it writes
        ("written"); None if ours sees to that itself.
    again : bool
        Whether the original gives something else when backward is called a second time.
    random : bool
        Whether forward draws random numbers.
    works : dict
        Method -> ``(twin, *arguments)``, instead of our class's own method.
    probe : str, optional
        The name of its scenarios, if not its own.
    """

    name: str
    module: str
    accepts: Callable
    accepts_backward: Callable | None = None
    methods: tuple = ("forward", "backward")
    reads: tuple = ("params", "grads")
    writes: tuple = ()
    backward_writes: tuple = ()
    hides: tuple = ()
    state: tuple = ()
    small: Callable | None = None
    labels: int | None = None
    wide: str | None = None
    again: bool = False
    random: bool = False
    works: dict = field(default_factory=dict)
    probe: str | None = None
    free: bool = False
    compares: bool = False
    never: tuple = ()
    in_place: bool = False
    watches: bool = True

    @property
    def attributes(self):
        """Every attribute of the book's class that its methods use."""
        lists = ("params", "grads") if "forward" in self.methods else ()
        parts = self.reads, self.writes, self.backward_writes, self.hides, self.state
        return {*lists, *(name for part in parts for name in part)}

    def ours(self):
        """Our class of the same name."""
        return getattr(importlib.import_module(f"fastembed.{self.module}"), self.name)

    def run(self, method):
        """What does the work of a method: ``(twin, *arguments)``."""
        return self.works.get(method) or getattr(self.ours(), method)

    def twin(self):
        """An object of ours that will stand for one of the user's; it gets what ``reads`` names."""
        cls = self.ours()
        return object.__new__(cls) if self.reads else cls()


def _first(*reasons):
    return next((reason for reason in reasons if reason), None)


# ---- layers without a time axis

# a product of fewer multiply-adds, or fewer entries, takes NumPy a few microseconds
SMALL_PRODUCT = 1 << 15
SMALL_ARRAY = 1 << 12


def _matmul(layer, x):
    return domain.params(layer, 2) or domain.floats("x", x, 2)


def _affine(layer, x):
    return domain.params(layer, 2, 1) or domain.floats("x", x, 2)


def _small_product(layer, x):
    return x.shape[0] * layer.params[0].size < SMALL_PRODUCT


def _rows(layer, x):
    return domain.floats("x", x, 2)


def _small_rows(layer, x, *_):
    return x.size < SMALL_ARRAY


def _dropout(layer, x, train_flg=True):
    return domain.floats("x", x) or domain.number("dropout_ratio", layer.dropout_ratio)


def _labels(layer, x, t):
    return domain.floats("x", x, 2) or domain.ids("t", t)


def _embedding(layer, idx):
    return domain.params(layer, 2) or domain.ids("idx", idx)


def _like_output(layer, shape, dout):
    return domain.like("dout", dout, shape)


def _scale(layer, shape, dout=1):
    return domain.number("dout", dout, np.float32, np.float64)


def _embedding_gradient(layer, shape, dout):
    return domain.like("dout", dout, shape) or domain.params(layer, 2)


def _target(sampler, target):
    p = sampler.word_p
    if type(p) is not np.ndarray or p.dtype != np.float64 or p.shape != (sampler.vocab_size,):
        return "word_p is not float64, one for each word"
    if type(sampler.sample_size) is not int or not 0 < sampler.sample_size < p.size:
        return f"sample_size is {sampler.sample_size}"
    return domain.ids("target", target, 1, p.size)


def _sampled(layer, h, target):
    params, grads = layer.params, layer.grads
    if len(params) != len(grads) or any(param is not params[0] for param in params):
        return "its params are not one weight many times"
    if len(params) != 1 + layer.sample_size:
        return f"it has {len(params)} params for {layer.sample_size} samples"
    return _first(
        domain.floats("h", h, 2),
        domain.ids("target", target, 1, len(params[0])),
        domain.pairs(params[:1], grads[:1]),
        *(domain.buffer(f"grads[{k}]", grad, params[0].shape) for k, grad in enumerate(grads)),
    )


# ---- recurrent layers


def _recurrent(layer, xs, *ndims):
    reason = domain.params(layer, *(ndims or (2, 2, 1))) or domain.floats("xs", xs, 3)
    if reason or not layer.stateful:
        return reason
    shape = (xs.shape[0], layer.params[1].shape[0])
    reason = domain.state("h", layer.h, shape)
    if reason or not hasattr(layer, "c"):
        return reason
    return domain.state("c", layer.c, shape)


def _without_bias(layer, xs):
    return _recurrent(layer, xs, 2, 2)


def _recurrent_gradient(layer, shape, dhs):
    return domain.like("dhs", dhs, shape)


# ---- layers over a time axis


def _time_embedding(layer, xs):
    return _first(domain.params(layer, 2), domain.floats("W", layer.W, 2), domain.ids("xs", xs, 2))


def _time_affine(layer, x):
    return domain.params(layer, 2, 1) or domain.floats("x", x, 3)


def _time_labels(layer, xs, ts):
    if type(layer.ignore_label) is not int:
        return f"ignore_label is {layer.ignore_label!r}"
    return domain.floats("xs", xs, 3) or domain.ids("ts", ts)


def _binary_time_labels(layer, xs, ts):
    return domain.floats("xs", xs, 2) or domain.ids("ts", ts, 2, 2)


# ---- attention


def _states(layer, hs, h):
    return domain.floats("hs", hs, 3) or domain.floats("h", h, 2)


def _weights(layer, hs, a):
    return domain.floats("hs", hs, 3) or domain.floats("a", a, 2)


def _both_states(layer, hs_enc, hs_dec):
    return domain.floats("hs_enc", hs_enc, 3) or domain.floats("hs_dec", hs_dec, 3)


# ---- training


def _update(optimizer, params, grads):
    reason = domain.pairs(params, grads)
    for name in ("lr", "momentum", "decay_rate", "beta1", "beta2"):
        reason = reason or domain.number(name, getattr(optimizer, name, 1))
    for name in ("m", "v", "h"):
        if reason is None and getattr(optimizer, name, None) is not None:
            reason = domain.pairs(params, getattr(optimizer, name), name)
    return reason


def _small_update(optimizer, params, grads):
    return sum(param.size for param in params) < SMALL_ARRAY


def _clip_grads(grads, max_norm):
    reason = "grads is not a list" if type(grads) is not list else None
    reason = reason or domain.number("max_norm", max_norm, np.float32, np.float64)
    return _first(reason, *(domain.writable(f"grads[{k}]", grad) for k, grad in enumerate(grads)))


def _small_clip(grads, max_norm):
    return sum(grad.size for grad in grads) < SMALL_ARRAY


def _remove_duplicate(params, grads):
    reason = domain.pairs(params, grads)
    return reason or _first(*(domain.writable(f"grads[{k}]", grad) for k, grad in enumerate(grads)))


def _get_batch(trainer, x, t, batch_size, time_size):
    for name, value in (("time_idx", trainer.time_idx), ("batch_size", batch_size)):
        if type(value) is not int:
            return f"{name} is {value!r}"
    return domain.words("x", x) or domain.words("t", t)


def _corpus(corpus, vocab_size, window_size=1):
    return domain.ids("corpus", corpus, 1) or domain.window(corpus, window_size)


def _contexts(corpus, window_size=1):
    return _corpus(corpus, None, window_size)


def _one_hot(corpus, vocab_size):
    return domain.ids("corpus", corpus)


def _counts(C, verbose=False, eps=1e-8):
    reason = domain.ids("C", C, 2) or domain.number("eps", eps)
    return reason or ("verbose prints as it goes" if verbose else None)


_HIDDEN = {
    "module": "time_layers",
    "accepts": _recurrent,
    "accepts_backward": _recurrent_gradient,
    "reads": ("params", "grads", "stateful", "h"),
    "writes": ("h",),
    "backward_writes": ("dh",),
    "hides": ("layers",),
    "state": ("h",),
    "wide": "written",
}
_HIDDEN_AND_CELL = {
    **_HIDDEN,
    "reads": (*_HIDDEN["reads"], "c"),
    "writes": ("h", "c"),
    "state": ("h", "c"),
}
_BIASLESS = {
    **_HIDDEN,
    "accepts": _without_bias,
    "works": {"forward": works.biasless_forward, "backward": works.biasless_backward},
    "probe": "TimeGRU without bias",
}
_ATTENTION = {
    "module": "attention",
    "accepts_backward": _like_output,
    "reads": (),
    "wide": "out",
}
_OPTIMIZER = {
    "module": "optimizer",
    "accepts": _update,
    "methods": ("update",),
    "small": _small_update,
    "in_place": True,
}
_MOMENTUM = {
    "reads": ("lr", "momentum", "v"),
    "writes": ("v",),
    "state": ("v",),
    **_OPTIMIZER,
}
_PRODUCT = {"writes": ("x",), "wide": "out"}
_DROPOUT = {"writes": ("mask",), "small": _small_rows, "random": True}
_LOSS = {"accepts_backward": _scale}

LAYERS = [
    Layer("MatMul", "layers", _matmul, _like_output, small=_small_product, **_PRODUCT),
    Layer("Affine", "layers", _affine, _like_output, small=_small_product, **_PRODUCT),
    Layer(
        "Softmax",
        "layers",
        _rows,
        _like_output,
        reads=(),
        writes=("out",),
        small=_small_rows,
        wide="out",
    ),
    Layer(
        "SoftmaxWithLoss",
        "layers",
        _labels,
        reads=(),
        writes=("y", "t"),
        small=_small_rows,
        **_LOSS,
    ),
    Layer("Dropout", "layers", _dropout, _like_output, reads=("dropout_ratio", "mask"), **_DROPOUT),
    Layer("Embedding", "layers", _embedding, _embedding_gradient, writes=("idx",)),
    Layer(
        "UnigramSampler",
        "layers",
        _target,
        methods=("get_negative_sample",),
        reads=("word_p", "sample_size", "vocab_size"),
        random=True,
        free=True,
    ),
    Layer(
        "NegativeSamplingLoss",
        "layers",
        _sampled,
        _scale,
        reads=("params", "grads", "sampler", "sample_size"),
        hides=("loss_layers", "embed_dot_layers"),
        random=True,
        works={"forward": works.negatives_forward, "backward": works.negatives_backward},
    ),
    Layer("TimeRNN", **_HIDDEN),
    Layer("TimeGRU", **_HIDDEN),
    Layer("TimeGRU", **_BIASLESS),
    Layer("TimeLSTM", **_HIDDEN_AND_CELL),
    Layer(
        "TimeEmbedding",
        "time_layers",
        _time_embedding,
        _embedding_gradient,
        reads=("params", "grads", "W"),
        hides=("layers",),
    ),
    Layer("TimeAffine", "time_layers", _time_affine, _like_output, **_PRODUCT),
    Layer(
        "TimeDropout",
        "time_layers",
        _dropout,
        _like_output,
        reads=("dropout_ratio", "train_flg", "mask"),
        **_DROPOUT,
    ),
    Layer(
        "TimeSoftmaxWithLoss",
        "time_layers",
        _time_labels,
        reads=("ignore_label",),
        hides=("cache",),
        again=True,
        labels=1,
        works={"forward": works.time_loss},
        **_LOSS,
    ),
    Layer(
        "TimeSigmoidWithLoss",
        "time_layers",
        _binary_time_labels,
        reads=(),
        writes=("xs_shape",),
        hides=("layers",),
        **_LOSS,
    ),
    Layer("WeightSum", accepts=_weights, hides=("cache",), **_ATTENTION),
    Layer("AttentionWeight", accepts=_states, hides=("cache", "softmax"), **_ATTENTION),
    Layer(
        "Attention",
        accepts=_states,
        writes=("attention_weight",),
        hides=("attention_weight_layer", "weight_sum_layer"),
        **_ATTENTION,
    ),
    Layer(
        "TimeAttention",
        accepts=_both_states,
        writes=("attention_weights",),
        hides=("layers",),
        **_ATTENTION,
    ),
    Layer("SGD", reads=("lr",), **_OPTIMIZER),
    Layer("Momentum", works={"update": works.momentum_anew}, **_MOMENTUM),
    Layer("Momentum", **_MOMENTUM),
    Layer("Nesterov", **_MOMENTUM),
    Layer("AdaGrad", reads=("lr", "h"), writes=("h",), state=("h",), **_OPTIMIZER),
    Layer("RMSprop", reads=("lr", "decay_rate", "h"), writes=("h",), state=("h",), **_OPTIMIZER),
    Layer(
        "Adam",
        reads=("lr", "beta1", "beta2", "iter", "m", "v"),
        writes=("iter", "m", "v"),
        state=("iter", "m", "v"),
        **_OPTIMIZER,
    ),
    Layer(
        "RnnlmTrainer",
        "trainer",
        _get_batch,
        methods=("get_batch",),
        reads=("time_idx",),
        writes=("time_idx",),
        state=("time_idx",),
        works={"get_batch": works.get_batch},
        free=True,
    ),
]
FUNCTIONS = [
    Function(
        "clip_grads",
        "util",
        _clip_grads,
        small=_small_clip,
        work=works.clip_grads,
        compares=True,
        in_place=True,
    ),
    Function(
        "remove_duplicate",
        "trainer",
        _remove_duplicate,
        small=lambda params, grads: _small_update(None, params, grads),
        compares=True,
        in_place=True,
    ),
    Function("create_co_matrix", "util", _corpus, watches=False),
    Function("create_contexts_target", "util", _contexts, watches=False),
    Function("convert_one_hot", "util", _one_hot, watches=False),
    Function("ppmi", "util", _counts, never=("verbose",), watches=False),
]


def _by_name(entries):
    table = {}
    for known in entries:
        table.setdefault(known.name, []).append(known)
    return table


KNOWN_LAYERS = _by_name(LAYERS)
KNOWN_FUNCTIONS = _by_name(FUNCTIONS)
