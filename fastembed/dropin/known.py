"""The classes and functions that we know, and which calls ours can take over: a table.

A row says what the book's code is given and keeps. From it come which calls fit (`Known.unfit`),
what may stand in code of the book's kind (`reading`) and what is tried on it (`scenarios`). It says
nothing about the user's code.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from fastembed.dropin import domain, works


class Input(NamedTuple):
    """An array that a call is given: float32, or ids.

    Parameters
    ----------
    shape : str
        One letter for each axis, as in ``"N T D"``; a probe gives each letter a size.
    end : str
        The ids' end, in the same letters; "" for floats.
    any_axes : bool
        Whether a call may give another number of axes.
    """

    shape: str
    end: str = ""
    any_axes: bool = False

    def unfit(self, name, array):
        """The reason why an array is none of these, or None."""
        ndim = None if self.any_axes else len(self.shape.split())
        return (domain.ids if self.end else domain.floats)(name, array, ndim)


@dataclass(frozen=True)
class Known:
    """A class of the book's whose methods ours can take over, or a function.

    Parameters
    ----------
    name : str
    module : str
        Our module that has the class or function of this name.
    methods : tuple of str
        The first does the work of forward; others follow what it did. A function has none.
    params : tuple of str
        The shapes of the parameters, as in ``("D 4H", "H 4H", "4H")``.
    inputs : tuple of Input
        The first arguments.
    also : callable, optional
        ``(object or None, *arguments)`` -> the reason why a call goes to the original, or None:
        what params, inputs and the types of settings do not say.
    loss : bool
        Whether forward returns a number and backward takes one.
    reads : tuple of str
        Attributes of the user's object, besides ``params`` and ``grads``, that ours needs before
        forward.
    writes, backward_writes : tuple of str
        Attributes that a call leaves on the user's object.
    hides : tuple of str
        Attributes that the user's own forward makes if somebody reads them.
    state : tuple of str
        Attributes that forward both reads and writes.
    small : callable, optional
        ``(object or None, *arguments)`` -> whether the original is as quick.
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
        Name of a method or function -> what does the work, if not ours of that name.
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
    methods: tuple = ("forward", "backward")
    params: tuple = ()
    inputs: tuple = ()
    also: Callable | None = None
    loss: bool = False
    reads: tuple = ()
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
    free: bool = False
    compares: bool = False
    never: tuple = ()
    in_place: bool = False
    watches: bool = True

    @cached_property
    def copied(self):
        """The attributes that our object gets from the user's."""
        return (*(("params", "grads") if self.params else ()), *self.reads)

    @cached_property
    def attributes(self):
        """Every attribute of the book's class that its methods use."""
        lists = ("params", "grads") if "forward" in self.methods else ()
        parts = lists, self.reads, self.writes, self.backward_writes, self.hides, self.state
        return {name for part in parts for name in part}

    @cached_property
    def _ndims(self):
        return tuple(len(shape.split()) for shape in self.params)

    @cached_property
    def _settings(self):
        return [(name, SETTINGS[name]) for name in self.reads if name in SETTINGS]

    def ours(self):
        """Our class or function of the same name."""
        return getattr(importlib.import_module(f"fastembed.{self.module}"), self.name)

    def run(self, method=None):
        """What does the work: a function, or a method as ``(twin, *arguments)``."""
        own = self.works.get(method or self.name)
        return own or (getattr(self.ours(), method) if method else self.ours())

    def twin(self):
        """An object of ours that will stand for one of the user's; it gets what is `copied`."""
        cls = self.ours()
        return object.__new__(cls) if self.copied else cls()

    def unfit(self, names, instance, given):
        """The reason why a call with arguments of these names goes to the original, or None."""
        reason = domain.params(instance, self._ndims) if self.params else None
        for kind, name, value in zip(self.inputs, names, given, strict=False):
            reason = reason or kind.unfit(name, value)
        for name, check in self._settings:
            reason = reason or check(name, getattr(instance, name))
        return reason or (self.also and self.also(instance, *given))

    def unfit_gradient(self, names, instance, shape, given):
        """The reason why a backward does, after a forward whose output had a shape."""
        if self.loss:
            return domain.scalar(names[0], given[0]) if given else None
        reason = domain.same(names[0], given[0], shape, (domain.F32, domain.F64))
        if reason is None and self.params:
            reason = domain.params(instance, self._ndims)
        return reason


SETTINGS = {
    **dict.fromkeys("lr momentum decay_rate beta1 beta2 dropout_ratio".split(), domain.number),
    **dict.fromkeys("ignore_label sample_size time_idx".split(), domain.integer),
}

# a product of fewer multiply-adds, or fewer entries, takes NumPy a few microseconds
SMALL_PRODUCT = 1 << 15
SMALL_ARRAY = 1 << 12


def _small_product(layer, x):
    return x.shape[0] * layer.params[0].size < SMALL_PRODUCT


def _small_array(layer, x, *_):
    return x.size < SMALL_ARRAY


def _small_list(_, arrays, *__):
    return sum(array.size for array in arrays) < SMALL_ARRAY


# ---- what the table's columns do not say


def _target(sampler, target):
    p = sampler.word_p
    if domain.same("word_p", p, (sampler.vocab_size,), (domain.F64,)):
        return "word_p is not float64, one for each word"
    if not 0 < sampler.sample_size < p.size:
        return f"sample_size is {sampler.sample_size}"
    return domain.ids("target", target, 1, p.size)


def _sampled(layer, h, target):
    params, grads = layer.params, layer.grads
    if len(params) != len(grads) or any(param is not params[0] for param in params):
        return "its params are not one weight many times"
    if len(params) != 1 + layer.sample_size:
        return f"it has {len(params)} params for {layer.sample_size} samples"
    return domain.first(
        domain.ids("target", target, 1, len(params[0])),
        domain.pairs(params[:1], grads[:1]),
        *(domain.buffer(f"grads[{k}]", grad, params[0].shape) for k, grad in enumerate(grads)),
    )


def _state(layer, xs):
    shape = xs.shape[0], layer.params[1].shape[0]
    states = [(name, getattr(layer, name)) for name in ("h", "c") if hasattr(layer, name)]
    wrong = [domain.same(name, array, shape) for name, array in states if array is not None]
    return domain.first(*wrong) if layer.stateful else None


def _own_w(layer, xs):
    return domain.floats("W", layer.W, 2)


def _binary(layer, xs, ts):
    return domain.ids("ts", ts, 2, 2)


def _update(optimizer, params, grads):
    lists = [(name, getattr(optimizer, name, None)) for name in ("m", "v", "h")]
    return domain.pairs(params, grads) or domain.first(
        *(domain.pairs(params, arrays, name) for name, arrays in lists if arrays is not None)
    )


def _text(name, words):
    return None if type(words) is list and words else domain.ids(name, words, 1)


def _batch(trainer, x, t, batch_size, time_size):
    return domain.integer("batch_size", batch_size) or _text("x", x) or _text("t", t)


def _clip(_, grads, max_norm):
    return domain.all_writable("grads", grads) or domain.scalar("max_norm", max_norm)


def _shared(_, params, grads):
    return domain.pairs(params, grads) or domain.all_writable("grads", grads)


def _window(corpus, size):
    if type(size) is int and 0 < 2 * size < len(corpus):
        return None
    return f"window_size is {size!r} for {len(corpus)} words"


def _counts(_, C, verbose=False, eps=1e-8):
    return domain.number("eps", eps) or ("verbose prints as it goes" if verbose else None)


# ---- the table

_PRODUCT = {"writes": ("x",), "wide": "out"}
_ROWS = Input("N D")
_WORDS = Input("N", "V", any_axes=True)
_HIDDEN = {
    "module": "time_layers",
    "inputs": (Input("N T D"),),
    "also": _state,
    "reads": ("stateful", "h"),
    "writes": ("h",),
    "backward_writes": ("dh",),
    "hides": ("layers",),
    "state": ("h",),
    "wide": "written",
}
_CELL = {"reads": ("stateful", "h", "c"), "writes": ("h", "c"), "state": ("h", "c")}
_ATTENTION = {"module": "attention", "wide": "out"}
_STATES = Input("N S H")
_DROPOUT = {"writes": ("mask",), "small": _small_array, "random": True}
_OPTIMIZER = {
    "module": "optimizer",
    "also": _update,
    "methods": ("update",),
    "small": _small_list,
    "in_place": True,
}
_MOMENTUM = {"reads": ("lr", "momentum", "v"), "writes": ("v",), "state": ("v",), **_OPTIMIZER}
_SQUARES = {"writes": ("h",), "state": ("h",), **_OPTIMIZER}
_HELPER = {"module": "util", "methods": (), "free": True}
_ONCE = {"watches": False, **_HELPER}
_BIASLESS = {"forward": works.biasless_forward, "backward": works.biasless_backward}

LAYERS = [
    Known("MatMul", "layers", params=("D H",), inputs=(_ROWS,), small=_small_product, **_PRODUCT),
    Known(
        "Affine", "layers", params=("D H", "H"), inputs=(_ROWS,), small=_small_product, **_PRODUCT
    ),
    Known(
        "Softmax",
        "layers",
        inputs=(Input("N V"),),
        writes=("out",),
        small=_small_array,
        wide="out",
    ),
    Known(
        "SoftmaxWithLoss",
        "layers",
        inputs=(Input("N V"), _WORDS),
        loss=True,
        writes=("y", "t"),
        small=_small_array,
    ),
    Known(
        "Dropout",
        "layers",
        inputs=(Input("N D", any_axes=True),),
        reads=("dropout_ratio", "mask"),
        **_DROPOUT,
    ),
    Known("Embedding", "layers", params=("V D",), inputs=(_WORDS,), writes=("idx",)),
    Known(
        "UnigramSampler",
        "layers",
        ("get_negative_sample",),
        also=_target,
        reads=("word_p", "sample_size", "vocab_size"),
        random=True,
        free=True,
    ),
    Known(
        "NegativeSamplingLoss",
        "layers",
        inputs=(_ROWS, Input("N", "V")),
        also=_sampled,
        loss=True,
        reads=("params", "grads", "sampler", "sample_size"),
        hides=("loss_layers", "embed_dot_layers"),
        random=True,
        works={"forward": works.negatives_forward, "backward": works.negatives_backward},
    ),
    Known("TimeRNN", params=("D H", "H H", "H"), **_HIDDEN),
    Known("TimeGRU", params=("D 3H", "H 3H", "3H"), **_HIDDEN),
    Known("TimeGRU", params=("D 3H", "H 3H"), works=_BIASLESS, **_HIDDEN),
    Known("TimeLSTM", params=("D 4H", "H 4H", "4H"), **{**_HIDDEN, **_CELL}),
    Known(
        "TimeEmbedding",
        "time_layers",
        params=("V D",),
        inputs=(Input("N T", "V"),),
        also=_own_w,
        reads=("W",),
        hides=("layers",),
    ),
    Known("TimeAffine", "time_layers", params=("D H", "H"), inputs=(Input("N T D"),), **_PRODUCT),
    Known(
        "TimeDropout",
        "time_layers",
        inputs=(Input("N T D", any_axes=True),),
        reads=("dropout_ratio", "train_flg", "mask"),
        **_DROPOUT,
    ),
    Known(
        "TimeSoftmaxWithLoss",
        "time_layers",
        inputs=(Input("N T V"), Input("N T", "V", any_axes=True)),
        loss=True,
        reads=("ignore_label",),
        hides=("cache",),
        again=True,
        labels=1,
        works={"forward": works.time_loss},
    ),
    Known(
        "TimeSigmoidWithLoss",
        "time_layers",
        inputs=(Input("N T"), Input("N T", "2")),
        also=_binary,
        loss=True,
        writes=("xs_shape",),
        hides=("layers",),
    ),
    Known("WeightSum", inputs=(_STATES, Input("N S")), hides=("cache",), **_ATTENTION),
    Known(
        "AttentionWeight",
        inputs=(_STATES, Input("N H")),
        hides=("cache", "softmax"),
        **_ATTENTION,
    ),
    Known(
        "Attention",
        inputs=(_STATES, Input("N H")),
        writes=("attention_weight",),
        hides=("attention_weight_layer", "weight_sum_layer"),
        **_ATTENTION,
    ),
    Known(
        "TimeAttention",
        inputs=(_STATES, Input("N T H")),
        writes=("attention_weights",),
        hides=("layers",),
        **_ATTENTION,
    ),
    Known("SGD", reads=("lr",), **_OPTIMIZER),
    Known("Momentum", works={"update": works.momentum_anew}, **_MOMENTUM),
    Known("Momentum", **_MOMENTUM),
    Known("Nesterov", **_MOMENTUM),
    Known("AdaGrad", reads=("lr", "h"), **_SQUARES),
    Known("RMSprop", reads=("lr", "decay_rate", "h"), **_SQUARES),
    Known(
        "Adam",
        reads=("lr", "beta1", "beta2", "iter", "m", "v"),
        writes=("iter", "m", "v"),
        state=("iter", "m", "v"),
        **_OPTIMIZER,
    ),
    Known(
        "RnnlmTrainer",
        "trainer",
        ("get_batch",),
        also=_batch,
        reads=("time_idx",),
        writes=("time_idx",),
        state=("time_idx",),
        works={"get_batch": works.get_batch},
        free=True,
    ),
]
FUNCTIONS = [
    Known(
        "clip_grads",
        also=_clip,
        small=_small_list,
        works={"clip_grads": works.clip_grads},
        compares=True,
        in_place=True,
        **_HELPER,
    ),
    Known(
        "remove_duplicate",
        also=_shared,
        small=_small_list,
        compares=True,
        in_place=True,
        **{**_HELPER, "module": "trainer"},
    ),
    Known(
        "create_co_matrix",
        inputs=(Input("C", "V"),),
        also=lambda _, corpus, vocab_size, window_size=1: _window(corpus, window_size),
        **_ONCE,
    ),
    Known(
        "create_contexts_target",
        inputs=(Input("C", "V"),),
        also=lambda _, corpus, window_size=1: _window(corpus, window_size),
        **_ONCE,
    ),
    Known("convert_one_hot", inputs=(Input("C", "V", any_axes=True),), **_ONCE),
    Known("ppmi", inputs=(Input("V V", "N"),), also=_counts, never=("verbose",), **_ONCE),
]


def _by_name(entries):
    table = {}
    for known in entries:
        table.setdefault(known.name, []).append(known)
    return table


KNOWN_LAYERS = _by_name(LAYERS)
KNOWN_FUNCTIONS = _by_name(FUNCTIONS)
