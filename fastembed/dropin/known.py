"""The classes and functions that we know, and which calls ours can take over: a table.

A row says what the book's code is given and keeps. From it come which calls fit (`domain`),
what may stand in code of the book's kind (`reading`) and what is tried on it (`scenarios`). It says
nothing about the user's code.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fastembed.dropin import domain, works


class Input(NamedTuple):
    """An array that a call is given: float32, or ids.

    ``Input("N T D")`` are floats with three axes, ``Input("N T", "V")`` ids below V; a probe gives
    each letter a size. An end that is a number holds for all calls.
    """

    shape: str
    end: str = ""
    any_axes: bool = False  # whether a call may give another number of axes


@dataclass(frozen=True)
class Known:
    """A class of the book's whose methods ours can take over, or a function, which has none.

    An object of ours, the twin, stands for one of the user's.
    """

    name: str
    module: str  # ours, that has the class or function of this name
    methods: tuple = ("forward", "backward")  # the first works, others follow what it did
    params: tuple = ()  # shapes of the parameters, as in ("D 4H", "H 4H", "4H")
    inputs: tuple = ()  # the first arguments
    also: Callable | None = None  # (object or None, *arguments) -> another reason not to take them
    loss: bool = False  # whether forward returns a number and backward takes one
    reads: tuple = ()  # attributes, besides params and grads, that the twin needs before forward
    writes: tuple = ()  # attributes that forward leaves on the user's object
    backward_writes: tuple = ()
    hides: tuple = ()  # attributes that the user's own forward makes if somebody reads them
    state: tuple = ()  # attributes that forward both reads and writes
    small: Callable | None = None  # (object or None, *arguments) -> is the original as quick?
    labels: int | None = None  # which argument holds ids that the original backward reads again
    wide: str | None = None  # what a float64 gradient makes float64 where ours does not see to it:
    #                          what backward returns ("out") or what it writes ("written")
    again: bool = False  # whether a second backward of the original's gives something else
    random: bool = False  # whether forward draws random numbers
    works: dict = field(default_factory=dict)  # method or function -> what works, if not our own
    free: bool = False  # loops over words and lists: conditions on what changes in them are known
    compares: bool = False  # conditions on other values are known, too; real calls will show
    never: tuple = ()  # arguments that are false in all calls that ours takes
    in_place: bool = False  # whether it changes its arguments: it cannot run again after a failure
    watches: bool = True  # whether real calls are compared; one called once would gain nothing

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

    def ours(self):
        """Our class or function of the same name."""
        return getattr(importlib.import_module(f"fastembed.{self.module}"), self.name)

    def run(self, name):
        """What does the work: the function of this name, or a method as ``(twin, *arguments)``."""
        ours = self.ours()
        return self.works.get(name) or (getattr(ours, name) if self.methods else ours)

    def twin(self):
        """An object of ours that will stand for one of the user's; it gets what is `copied`."""
        cls = self.ours()
        return object.__new__(cls) if self.copied else cls()


# a product of fewer multiply-adds, or fewer entries, takes NumPy a few microseconds
SMALL_PRODUCT = 1 << 15
SMALL_ARRAY = 1 << 12
# microseconds (Zen 4): what a call of ours takes, and the original's update of a small parameter
LOOK = 6
AN_UPDATE = {"SGD": 1, "Momentum": 2, "Nesterov": 4, "AdaGrad": 3, "RMSprop": 4, "Adam": 7}


def _small_product(layer, x):
    return x.shape[0] * layer.params[0].size < SMALL_PRODUCT


def _small_array(layer, x, *_):
    return x.size < SMALL_ARRAY


def _small_list(_, arrays, *__):
    return sum(array.size for array in arrays) < SMALL_ARRAY


def _small_update(name):
    def small(_, params, *__):
        return len(params) * AN_UPDATE[name] < LOOK and _small_list(_, params)

    return small


# ---- what the table's columns do not say


def _trains(_, x, train_flg=True):
    return domain.flag("train_flg", train_flg)


def _target(sampler, target):
    p = sampler.word_p
    if domain.same("word_p", p, (sampler.vocab_size,), domain.DOUBLE):
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
    reason = domain.ids("target", target, 1, len(params[0]))
    return reason or domain.pairs(params[:1], grads[:1]) or domain.buffers(params, grads)


def _state(layer, xs):
    if not layer.stateful:
        return None
    shape = xs.shape[0], layer.params[1].shape[0]
    states = [(name, getattr(layer, name, None)) for name in ("h", "c")]
    wrong = [domain.same(name, array, shape) for name, array in states if array is not None]
    return next(filter(None, wrong), None)


def _text(name, words):
    return None if type(words) is list and words else domain.ids(name, words, 1)


def _batch(trainer, x, t, batch_size, time_size):
    sizes = domain.integer("batch_size", batch_size) or domain.integer("time_size", time_size)
    return sizes or _text("x", x) or _text("t", t)


def _clip(_, grads, max_norm):
    reason = domain.all_writable("grads", grads) or domain.scalar("max_norm", max_norm)
    return reason or domain.distinct("grads", grads)


def _shared(_, params, grads):
    reason = domain.pairs(params, grads) or domain.all_writable("grads", grads)
    tied = () if reason else [a for a in params if a.base is not None]  # a view of another, perhaps
    return reason or ("its params hold NaN" if any(np.isnan(a.sum()) for a in tied) else None)


def _window(_, corpus, *more):
    size = more[-1]  # after the vocabulary's size, if that is given
    if type(size) is int and 0 < 2 * size < len(corpus):
        return None
    return f"window_size is {size!r} for {len(corpus)} words"


def _one_or_two(_, corpus, *__):
    return None if corpus.ndim < 3 else f"corpus has {corpus.ndim} axes"


# ---- the table


def _row(name, module, inputs="", params="", **columns):
    """A row whose columns of names are written with spaces between them, of arrays with commas."""
    for column in ("methods", "reads", "writes", "backward_writes", "hides", "state", "never"):
        if type(columns.get(column)) is str:
            columns[column] = tuple(columns[column].split())
    for column in ("reads", "writes"):
        columns[column] = columns.get(column, ()) + columns.get("state", ())
    columns["params"] = tuple(filter(None, params.split(", ")))
    columns["inputs"] = tuple(map(_input, filter(None, inputs.split(", "))))
    return Known(name, module, **columns)


def _input(text):
    shape, _, end = text.partition(" < ")
    return Input(shape.removesuffix(" ..."), end, shape.endswith(" ..."))


_PRODUCT = {"writes": "x", "small": _small_product, "wide": "out"}
_DROPOUT = {"writes": "mask", "small": _small_array, "also": _trains, "random": True}
_RECURRENT = {
    **{"module": "time_layers", "inputs": "N T D", "also": _state, "reads": "stateful"},
    **{"state": "h", "backward_writes": "dh", "hides": "layers", "wide": "written"},
}
_ATTENTION = {"module": "attention", "wide": "out"}
_OPTIMIZER = {"module": "optimizer", "methods": "update", "also": domain.update, "in_place": True}
_LISTS = {"methods": "", "free": True, "compares": True, "small": _small_list, "in_place": True}
_ONCE = {"methods": "", "free": True, "watches": False}
_BIASLESS = {"forward": works.biasless_forward, "backward": works.biasless_backward}


def _optimizer(name, reads, **columns):
    return _row(name, reads=reads, small=_small_update(name), **columns, **_OPTIMIZER)


LAYERS = [
    _row("MatMul", "layers", "N D", "D H", **_PRODUCT),
    _row("Affine", "layers", "N D", "D H, H", **_PRODUCT),
    _row("Softmax", "layers", "N V", writes="out", small=_small_array, wide="out"),
    _row(
        "SoftmaxWithLoss", "layers", "N V, N ... < V", loss=True, writes="y t", small=_small_array
    ),
    _row("Dropout", "layers", "N D ...", reads="dropout_ratio mask", **_DROPOUT),
    _row("Embedding", "layers", "N ... < V", "V D", writes="idx"),
    _row("Embedding", "layers", "N < V", "V D", writes="idx"),  # whose backward loops over ids
    _row(
        "UnigramSampler",
        "layers",
        methods="get_negative_sample",
        reads="word_p sample_size vocab_size",
        also=_target,
        random=True,
        free=True,
    ),
    _row(
        "NegativeSamplingLoss",
        "layers",
        "N D, N < V",
        also=_sampled,
        loss=True,
        reads="params grads sampler sample_size",
        labels=1,
        hides="loss_layers embed_dot_layers",
        works={"forward": works.sampled_forward, "backward": works.sampled_backward},
        random=True,
    ),
    _row("TimeRNN", params="D H, H H, H", **_RECURRENT),
    _row("TimeGRU", params="D 3H, H 3H, 3H", **_RECURRENT),
    _row("TimeGRU", params="D 3H, H 3H", works=_BIASLESS, **_RECURRENT),
    _row("TimeLSTM", params="D 4H, H 4H, 4H", **{**_RECURRENT, "state": "h c"}),
    _row("TimeEmbedding", "time_layers", "N T < V", "V D", reads="W", hides="layers"),
    _row("TimeAffine", "time_layers", "N T D", "D H, H", writes="x", wide="out"),
    _row(
        "TimeDropout", "time_layers", "N T D ...", reads="dropout_ratio train_flg mask", **_DROPOUT
    ),
    _row(
        "TimeSoftmaxWithLoss",
        "time_layers",
        "N T V, N T ... < V",
        loss=True,
        reads="ignore_label",
        hides="cache",
        again=True,
        labels=1,
        works={"forward": works.time_loss},
    ),
    _row(
        "TimeSigmoidWithLoss",
        "time_layers",
        "N T, N T < 2",
        loss=True,
        writes="xs_shape",
        hides="layers",
    ),
    _row("WeightSum", inputs="N S H, N S", hides="cache", **_ATTENTION),
    _row("AttentionWeight", inputs="N S H, N H", hides="cache softmax", **_ATTENTION),
    _row(
        "Attention",
        inputs="N S H, N H",
        writes="attention_weight",
        hides="attention_weight_layer weight_sum_layer",
        **_ATTENTION,
    ),
    _row(
        "TimeAttention",
        inputs="N S H, N T H",
        writes="attention_weights",
        hides="layers",
        **_ATTENTION,
    ),
    _optimizer("SGD", "lr"),
    _optimizer("Momentum", "lr momentum", state="v", works={"update": works.momentum_anew}),
    _optimizer("Momentum", "lr momentum", state="v"),
    _optimizer("Nesterov", "lr momentum", state="v"),
    _optimizer("AdaGrad", "lr", state="h"),
    _optimizer("RMSprop", "lr decay_rate", state="h"),
    _optimizer("Adam", "lr beta1 beta2", state="iter m v"),
    _row(
        "RnnlmTrainer",
        "trainer",
        methods="get_batch",
        also=_batch,
        state="time_idx",
        free=True,
        works={"get_batch": works.get_batch},
    ),
]
FUNCTIONS = [
    _row("clip_grads", "util", also=_clip, works={"clip_grads": works.clip_grads}, **_LISTS),
    _row("remove_duplicate", "trainer", also=_shared, **_LISTS),
    _row("create_co_matrix", "util", "C < V", also=_window, **_ONCE),
    _row("create_contexts_target", "util", "C < V", also=_window, **_ONCE),
    _row("convert_one_hot", "util", "C ... < V", also=_one_or_two, **_ONCE),
    _row("ppmi", "util", "V V < N", never="verbose", **_ONCE),
]


def _by_name(entries):
    table = {}
    for known in entries:
        table.setdefault(known.name, []).append(known)
    return table


KNOWN_LAYERS = _by_name(LAYERS)
KNOWN_FUNCTIONS = _by_name(FUNCTIONS)
