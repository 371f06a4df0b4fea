"""The classes and functions that we know by name, and which calls ours can take over.

An entry says nothing about the user's code: that it behaves like the book's is what a probe finds
out. ``accepts`` answers None, or the reason why one call goes to the original.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fastembed.dropin import domain, negative_sampling


@dataclass(frozen=True)
class Layer:
    """A class of the book's whose methods ours can take over.

    Parameters
    ----------
    name : str
    module : str
        Our module that has the class of this name.
    constructor : str
        The parameters of the book's constructor.
    accepts, accepts_backward : callable
        ``(layer, *arguments)`` and ``(layer, shape of the output, *arguments)`` -> reason or None.
    methods : tuple of str
        The first does the work of forward; others follow what it did.
    reads : tuple of str
        Attributes of the user's object that ours needs before forward (``params`` and ``grads``
        before backward too).
    writes, backward_writes : tuple of str
        Attributes that a call leaves on the user's object.
    hides : dict
        Attributes of the book's that ours leaves empty -> what makes the empty value.
    state : tuple of str
        Attributes that forward both reads and writes.
    small : callable, optional
        ``(layer, *arguments)`` -> whether the original is as quick.
    replays : bool
        Whether the original backward needs the original forward to have run.
    retries : bool
        Whether the original may run after ours has failed midway.
    backward_changes_cache : bool
        Whether the original gives something else when backward is called a second time.
    random : bool
        Whether forward draws random numbers that the original must draw again in a replay.
    works : dict
        Method -> ``(twin, *arguments)``, instead of our class's own method.
    """

    name: str
    module: str
    constructor: str
    accepts: Callable
    accepts_backward: Callable | None = None
    methods: tuple = ("forward", "backward")
    reads: tuple = ("params", "grads")
    writes: tuple = ()
    backward_writes: tuple = ()
    hides: dict = field(default_factory=dict)
    state: tuple = ()
    small: Callable | None = None
    replays: bool = True
    retries: bool = True
    backward_changes_cache: bool = False
    random: bool = False
    works: dict = field(default_factory=dict)

    @property
    def attributes(self):
        """Every attribute of the book's class that ours reads, sets or leaves empty."""
        lists = ("params", "grads")
        return {*lists, *self.reads, *self.writes, *self.backward_writes, *self.hides}

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


@dataclass(frozen=True)
class Function:
    """A function of the book's that ours can take over; the fields are those of Layer."""

    name: str
    module: str
    accepts: Callable
    small: Callable | None = None
    retries: bool = True

    def ours(self):
        return getattr(importlib.import_module(f"fastembed.{self.module}"), self.name)


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
    return domain.floats("x", x)


def _labels(layer, x, t):
    return domain.floats("x", x, 2) or domain.ids("t", t)


def _embedding(layer, idx):
    return domain.params(layer, 2) or domain.ids("idx", idx)


def _like_output(layer, shape, dout):
    return domain.like("dout", dout, shape)


def _scale(layer, shape, dout=1):
    return domain.scale("dout", dout)


def _embedding_gradient(layer, shape, dout):
    if type(dout) is np.ndarray and dout.dtype == np.float64 and dout.shape == shape:
        return domain.params(
            layer, 2
        )  # losses with integer labels make such: it is added to float32
    return domain.like("dout", dout, shape) or domain.params(layer, 2)


def _target(sampler, target):
    return domain.ids("target", target, 1)


def _sampled(layer, h, target):
    params, grads = layer.params, layer.grads
    if len(params) != len(grads) or any(param is not params[0] for param in params):
        return "its params are not one weight many times"
    return _first(
        domain.floats("h", h, 2),
        domain.ids("target", target, 1),
        domain.pairs(params[:1], [params[0]]),
        *(domain.like(f"grads[{k}]", grad, params[0].shape) for k, grad in enumerate(grads)),
    )


# ---- recurrent layers


def _recurrent(layer, xs):
    reason = domain.params(layer, 2, 2, 1) or domain.floats("xs", xs, 3)
    if reason or not layer.stateful:
        return reason
    shape = (xs.shape[0], layer.params[1].shape[0])
    reason = domain.state("h", layer.h, shape)
    if reason or not hasattr(layer, "c"):
        return reason
    return domain.state("c", layer.c, shape)


def _recurrent_gradient(layer, shape, dhs):
    return domain.like("dhs", dhs, shape)


# ---- layers over a time axis


def _time_embedding(layer, xs):
    return _first(domain.params(layer, 2), domain.floats("W", layer.W, 2), domain.ids("xs", xs, 2))


def _time_affine(layer, x):
    return domain.params(layer, 2, 1) or domain.floats("x", x, 3)


def _time_labels(layer, xs, ts):
    return domain.floats("xs", xs, 3) or domain.ids("ts", ts)


def _time_loss(twin, xs, ts):
    """Our loss, but infinite where a label's float32 probability underflows to 0, as NumPy's is."""
    loss = type(twin).forward(twin, xs, ts)
    rows, labels = xs.reshape(-1, xs.shape[2]), twin.cache.ts
    count = np.count_nonzero(labels != twin.ignore_label)
    p = 1 + count * twin.cache.flat[np.arange(labels.size), labels]  # 1 where the label is ignored
    for n in np.flatnonzero(p < 1e-6):
        below = rows[n] - rows[n].max()
        if below[labels[n]] < -80 and np.exp(below[labels[n]]) / np.exp(below).sum() == 0:
            return type(loss)(np.inf)
    return loss


def _binary_time_labels(layer, xs, ts):
    return domain.floats("xs", xs, 2) or domain.ids("ts", ts, 2)


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
    for name in ("m", "v", "h"):
        if reason is None and getattr(optimizer, name, None) is not None:
            reason = domain.pairs(params, getattr(optimizer, name), name)
    return reason


def _small_update(optimizer, params, grads):
    return sum(param.size for param in params) < SMALL_ARRAY


def _clip_grads(grads, max_norm):
    reason = "grads is not a list" if type(grads) is not list else None
    return _first(reason, *(domain.writable(f"grads[{k}]", grad) for k, grad in enumerate(grads)))


def _small_clip(grads, max_norm):
    return sum(grad.size for grad in grads) < SMALL_ARRAY


def _remove_duplicate(params, grads):
    reason = domain.pairs(params, grads)
    return reason or _first(*(domain.writable(f"grads[{k}]", grad) for k, grad in enumerate(grads)))


def _small_sharing(params, grads):
    return sum(param.size for param in params) < SMALL_ARRAY


def _get_batch(trainer, x, t, batch_size, time_size):
    return domain.ids("x", x, 1) or domain.ids("t", t, 1)


def _corpus(corpus, *_):
    return domain.ids("corpus", corpus)


def _counts(C, verbose=False, eps=1e-8):
    reason = domain.ids("C", C, 2)
    return reason or ("verbose prints as it goes" if verbose else None)


_HIDDEN = {
    "module": "time_layers",
    "constructor": "Wx, Wh, b, stateful=False",
    "accepts": _recurrent,
    "accepts_backward": _recurrent_gradient,
    "reads": ("params", "grads", "stateful", "h"),
    "writes": ("h",),
    "backward_writes": ("dh",),
    "hides": {"layers": list},
    "state": ("h",),
}
_HIDDEN_AND_CELL = {
    **_HIDDEN,
    "reads": (*_HIDDEN["reads"], "c"),
    "writes": ("h", "c"),
    "state": ("h", "c"),
}
_ATTENTION = {
    "module": "attention",
    "constructor": "",
    "accepts_backward": _like_output,
    "reads": (),
}
_OPTIMIZER = {
    "module": "optimizer",
    "accepts": _update,
    "methods": ("update",),
    "small": _small_update,
    "retries": False,
}

LAYERS = [
    Layer("MatMul", "layers", "W", _matmul, _like_output, writes=("x",), small=_small_product),
    Layer("Affine", "layers", "W, b", _affine, _like_output, writes=("x",), small=_small_product),
    Layer(
        "Softmax",
        "layers",
        "",
        _rows,
        _like_output,
        reads=(),
        writes=("out",),
        small=_small_rows,
    ),
    Layer(
        "SoftmaxWithLoss",
        "layers",
        "",
        _labels,
        _scale,
        reads=(),
        writes=("y", "t"),
        small=_small_rows,
    ),
    Layer(
        "Dropout",
        "layers",
        "dropout_ratio=0.5",
        _dropout,
        _like_output,
        reads=("dropout_ratio", "mask"),
        writes=("mask",),
        small=_small_rows,
        replays=False,
        retries=False,
    ),
    Layer("Embedding", "layers", "W", _embedding, _embedding_gradient, writes=("idx",)),
    Layer(
        "UnigramSampler",
        "layers",
        "corpus, power, sample_size",
        _target,
        methods=("get_negative_sample",),
        reads=("word_p", "sample_size", "vocab_size"),
        retries=False,
    ),
    Layer(
        "NegativeSamplingLoss",
        "layers",
        "W, corpus, power=0.75, sample_size=5",
        _sampled,
        _scale,
        reads=("params", "grads", "sampler", "sample_size"),
        random=True,
        works={"forward": negative_sampling.forward, "backward": negative_sampling.backward},
    ),
    Layer("TimeRNN", **_HIDDEN),
    Layer("TimeGRU", **_HIDDEN),
    Layer("TimeLSTM", **_HIDDEN_AND_CELL),
    Layer(
        "TimeEmbedding",
        "time_layers",
        "W",
        _time_embedding,
        _embedding_gradient,
        reads=("params", "grads", "W"),
        hides={"layers": list},
    ),
    Layer("TimeAffine", "time_layers", "W, b", _time_affine, _like_output, writes=("x",)),
    Layer(
        "TimeDropout",
        "time_layers",
        "dropout_ratio=0.5",
        _dropout,
        _like_output,
        reads=("dropout_ratio", "train_flg", "mask"),
        writes=("mask",),
        small=_small_rows,
        replays=False,
        retries=False,
    ),
    Layer(
        "TimeSoftmaxWithLoss",
        "time_layers",
        "",
        _time_labels,
        _scale,
        reads=("ignore_label",),
        hides={"cache": lambda: None},
        backward_changes_cache=True,
        works={"forward": _time_loss},
    ),
    Layer(
        "TimeSigmoidWithLoss",
        "time_layers",
        "",
        _binary_time_labels,
        _scale,
        reads=(),
        writes=("xs_shape",),
        hides={"layers": list},
    ),
    Layer("WeightSum", accepts=_weights, hides={"cache": lambda: None}, **_ATTENTION),
    Layer("AttentionWeight", accepts=_states, hides={"cache": lambda: None}, **_ATTENTION),
    Layer("Attention", accepts=_states, writes=("attention_weight",), **_ATTENTION),
    Layer(
        "TimeAttention",
        accepts=_both_states,
        writes=("attention_weights",),
        hides={"layers": list},
        **_ATTENTION,
    ),
    Layer("SGD", constructor="lr=0.01", reads=("lr",), **_OPTIMIZER),
    Layer(
        "Momentum",
        constructor="lr=0.01, momentum=0.9",
        reads=("lr", "momentum", "v"),
        writes=("v",),
        **_OPTIMIZER,
    ),
    Layer(
        "Nesterov",
        constructor="lr=0.01, momentum=0.9",
        reads=("lr", "momentum", "v"),
        writes=("v",),
        **_OPTIMIZER,
    ),
    Layer("AdaGrad", constructor="lr=0.01", reads=("lr", "h"), writes=("h",), **_OPTIMIZER),
    Layer(
        "RMSprop",
        constructor="lr=0.01, decay_rate=0.99",
        reads=("lr", "decay_rate", "h"),
        writes=("h",),
        **_OPTIMIZER,
    ),
    Layer(
        "Adam",
        constructor="lr=0.001, beta1=0.9, beta2=0.999",
        reads=("lr", "beta1", "beta2", "iter", "m", "v"),
        writes=("iter", "m", "v"),
        **_OPTIMIZER,
    ),
    Layer(
        "RnnlmTrainer",
        "trainer",
        "model, optimizer",
        _get_batch,
        methods=("get_batch",),
        reads=("time_idx",),
        writes=("time_idx",),
    ),
]
FUNCTIONS = [
    Function("clip_grads", "util", _clip_grads, small=_small_clip, retries=False),
    Function("remove_duplicate", "trainer", _remove_duplicate, small=_small_sharing, retries=False),
    Function("create_co_matrix", "util", _corpus),
    Function("create_contexts_target", "util", _corpus),
    Function("convert_one_hot", "util", _corpus),
    Function("ppmi", "util", _counts),
]
KNOWN_LAYERS = {known.name: known for known in LAYERS}
KNOWN_FUNCTIONS = {known.name: known for known in FUNCTIONS}
