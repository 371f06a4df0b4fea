"""The table of cases: every public op with its inputs, its slow twin, its sizes and its work.

Tests and benchmarks read the same table. An op that is not in it fails a test.
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from fastembed.bench import inputs, layers, steps


@dataclass(frozen=True)
class Work:
    """What a case has to do at least, whoever does it.

    Attributes
    ----------
    copied : int
        Bytes read and written at the speed of a copy.
    filled : int
        Bytes set to zero.
    flops : int
        Floating-point operations of matrix products.
    """

    copied: int = 0
    filled: int = 0
    flops: int = 0


@dataclass(frozen=True)
class Op:
    """A row of the table.

    Attributes
    ----------
    covers : tuple of str
        Names in ``fastembed.ops`` that the row calls.
    draw : callable
        ``draw(rng, sizes, ids, dtype)`` -> dict of inputs.
    make : callable
        ``make(module, inputs)`` -> a function that does the work once and returns its results (see
        `flat`). The module is ``fast`` or ``reference``. Sizes are among the inputs.
    small : dict
        The sizes of its test.
    work : callable
        ``work(sizes, itemsize)`` -> Work.
    ids : tuple of str
        Distributions of ids that matter to it.
    tolerance : dict
        dtype -> greatest difference from the reference, relative to the largest number.
    fast, reference : str
        The two modules.
    repeats : int
        How many calls have their results compared.
    ranges : dict
        Size -> its least and its greatest value, where cases are drawn.
    fits : callable
        ``fits(sizes)`` -> whether drawn sizes need a bearable amount of memory and time.
    """

    covers: tuple
    draw: Callable
    make: Callable
    small: dict
    work: Callable = lambda sizes, itemsize: Work()
    ids: tuple = ("",)
    tolerance: dict = field(default_factory=lambda: {"float32": 2e-5, "float64": 1e-11})
    fast: str = "fastembed.ops"
    reference: str = "fastembed.reference"
    repeats: int = 1
    ranges: dict = field(default_factory=dict)
    fits: Callable = lambda sizes: True


@dataclass(frozen=True)
class Case:
    """One measurement: an op with sizes, distribution of ids, and dtype."""

    op: str
    sizes: dict
    ids: str = ""
    dtype: str = "float32"

    @property
    def name(self):
        sizes = " ".join(f"{key}={short(value)}" for key, value in self.sizes.items())
        parts = [self.op, sizes, self.ids, "" if self.dtype == "float32" else self.dtype]
        return " ".join(part for part in parts if part)

    @property
    def tolerance(self):
        return OPS[self.op].tolerance[self.dtype] if self.op in OPS else 0.0

    @property
    def work(self):
        return OPS[self.op].work(self.sizes, np.dtype(self.dtype).itemsize)

    def inputs(self):
        """The same random arrays in every process."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        drawn = OPS[self.op].draw(rng, self.sizes, self.ids, np.dtype(self.dtype))
        return {**drawn, "sizes": self.sizes}


def short(number):
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= 10 * 1_000 and number % unit == 0:
            return f"{number // unit}{letter}"
    return str(number)


def flat(results):
    """All arrays of a result: one, or a tuple or list of results, or None."""
    if isinstance(results, tuple | list):
        return [array for part in results for array in flat(part)]
    return [] if results is None else [results]


# partial: what small calls are wrapped in counts for everyone, and it costs the least
def _gather(m, x):
    return partial(m.gather, x["W"], x["idx"])


def _gather_out(m, x):
    return partial(m.gather, x["W"], x["idx"], out=x["out"])


def _scatter_add(m, x):
    return partial(m.scatter_add, x["dW"], x["idx"], x["dout"])


def _scatter_add_zero(m, x):
    return partial(m.scatter_add, x["dW"], x["idx"], x["dout"], zero=True)


def _embedding_op(name, draw, make, work):
    return Op(
        (name,),
        draw,
        make,
        {"V": 11, "D": 5, "n": 40},
        work,
        ids=("uniform", "zipf", "hot", "constant"),
        ranges={"V": (100, 1_000_000), "D": (8, 1024), "n": (1, 65_536)},
        # at most 256 MB of W and 64 MB of output
        fits=lambda s: s["V"] * s["D"] <= 1 << 26 and s["n"] * s["D"] <= 1 << 24,
    )


def _embedding_ops():
    def rows(s, itemsize):
        return Work(copied=s["n"] * (2 * s["D"] * itemsize + 8))

    # each gradient is read once; rows that are added to are filled and then in a cache
    def gradients(s, itemsize):
        return Work(copied=s["n"] * (s["D"] * itemsize + 8))

    def zeroed(s, itemsize):
        return Work(gradients(s, itemsize).copied, filled=s["V"] * s["D"] * itemsize)

    return {
        "gather": _embedding_op("gather", inputs.gather, _gather, rows),
        "gather out": _embedding_op("gather", inputs.gather, _gather_out, rows),
        "scatter_add": _embedding_op("scatter_add", inputs.scatter, _scatter_add, gradients),
        "scatter_add zero": _embedding_op("scatter_add", inputs.scatter, _scatter_add_zero, zeroed),
    }


def _cell(name):
    def make(m, x):
        forward, backward = getattr(m, f"{name}_cell"), getattr(m, f"{name}_cell_backward")
        x0, dh = np.ascontiguousarray(x["xs"][:, 0]), np.ascontiguousarray(x["dhs"][:, 0])
        arrays = x0, *x["states"], x["Wx"], x["Wh"], x["b"]
        gradients = (dh, x["dc"]) if name == "lstm" else (dh,)

        def run():
            *states, cache = forward(*arrays)
            return states, backward(*gradients, cache)

        return run

    return make


def _sequence(name, train):
    def make(m, x):
        forward, backward = getattr(m, name), getattr(m, f"{name}_backward")
        arrays, dhs = (x["xs"], x["Wx"], x["Wh"], x["b"], *x["states"]), x["dhs"]

        def run():
            *outputs, cache = forward(*arrays)
            return outputs, backward(dhs, cache)

        def infer():
            return forward(*arrays, need_cache=False)

        return run if train else infer

    return make


def _recurrent_work(gates, train):
    def work(s, itemsize):
        N, T, D, H = s["N"], s.get("T", 1), s["D"], s["H"]
        # backward has two products for each one of forward
        return Work(flops=2 * N * T * (D + H) * gates * H * (3 if train else 1))

    return work


def _softmax_backward(m, x):
    y = m.softmax(x["scores"])
    return lambda: (y, m.softmax_backward(x["dout"], y))


def _optimizer(name, states, *numbers):
    def make(m, x):
        arrays = [x[state] for state in states]
        step = getattr(m, name)

        def run():
            step(x["param"], x["grad"], *arrays, *numbers)
            return (x["param"], *arrays)

        return run

    return make


def _scale(m, x):
    arrays = [x["param"], x["grad"]]

    def run():
        m.scale(arrays, -1.0)  # keeps its size, however often it runs
        return tuple(arrays)

    return run


def _attention(m, x):
    def run():
        out, weights = m.time_attention(x["hs_enc"], x["hs_dec"])
        gradients = m.time_attention_backward(x["dout"], x["hs_enc"], x["hs_dec"], weights)
        return out, weights, *gradients

    return run


def _attention_step(m, x):
    hs, h, dc = x["hs_enc"], x["hs_dec"][:, 0], x["dout"][:, 0]

    def run():
        a = m.attention_weight(hs, h)
        c = m.weight_sum(hs, a)
        dhs, da = m.weight_sum_backward(dc, hs, a)
        return a, c, dhs, da, *m.attention_weight_backward(da, hs, h, a)

    return run


def _attention_work(s, itemsize):
    # scores, weighted sums, and for each of them two products in backward
    return Work(flops=2 * s["N"] * s["T"] * s["Te"] * s["H"] * 6)


def _negative_sampling(m, x):
    def run():
        loss, dscores = m.negative_sampling_loss(x["h"], x["W"], x["targets"], x["labels"])
        dh = m.negative_sampling_backward(dscores, x["h"], x["W"], x["targets"], x["dW"])
        return loss, dscores, dh, x["dW"]

    return run


def _negative_samples(m, x):
    words, k = x["targets"][:, 0].copy(), x["uniforms"].shape[1]

    def run():
        np.random.seed(0)  # both draw from the legacy stream
        return (m.negative_samples(x["shares"], words, k),)

    return run


def _stream(reads_and_writes):
    return lambda s, itemsize: Work(copied=reads_and_writes * s["n"] * itemsize)


_RECURRENT_RANGES = {"N": (1, 128), "T": (1, 100), "D": (8, 1024), "H": (8, 1024)}
_RECURRENT_TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


def _recurrent_ops():
    rows = {}
    for name, gates, states in (("lstm", 4, 2), ("gru", 3, 1), ("rnn", 1, 1)):
        draw = inputs.recurrent(gates, states)
        rows[f"{name} step"] = Op(
            (f"{name}_cell", f"{name}_cell_backward"),
            draw,
            _cell(name),
            {"N": 3, "D": 7, "H": 6},
            _recurrent_work(gates, True),
            tolerance=_RECURRENT_TOLERANCE,
        )
        for train in (False, True):
            rows[f"{name} fwd+bwd" if train else f"{name} fwd"] = Op(
                (name, f"{name}_backward") if train else (name,),
                draw,
                _sequence(name, train),
                {"N": 3, "T": 5, "D": 7, "H": 6},
                _recurrent_work(gates, train),
                tolerance=_RECURRENT_TOLERANCE,
                ranges=_RECURRENT_RANGES,
                fits=lambda s: s["N"] * s["T"] * (s["D"] + s["H"]) * s["H"] <= 1e8,
            )
    return rows


def _optimizer_op(name, states, *numbers, streams):
    make = _optimizer(name, states, *numbers)
    return Op((name,), inputs.optimizer, make, {"n": 37}, _stream(streams))


def _step_op(draw, make, small, products=None, ids=("",)):
    return Op(
        (),
        draw,
        make,
        small,
        lambda s, itemsize: Work(flops=0 if products is None else 6 * products(s)),
        ids=ids,
        tolerance={"float32": 1e-4},
        fast="fastembed.models",
        reference="fastembed.reference.models",
        repeats=steps.CHECKED,
    )


def _lstm_products(s, D, T):
    return s["N"] * T * (D + s["H"]) * 4 * s["H"]


def _step_ops():
    """Training steps; their products are counted for forward, backward has two for each."""
    text = {"V": 11, "D": 6, "H": 6, "N": 3, "T": 4}
    window = {"V": 30, "H": 5, "N": 4, "window": 2}
    answers = {"V": 9, "D": 5, "H": 6, "N": 3, "Te": 4, "T": 3}
    word_ids = ("zipf",)

    def output(s):
        return s["N"] * s["T"] * s["H"] * s["V"]

    def rnnlm(s):
        return _lstm_products(s, s["D"], s["T"]) + output(s)

    def better(s):
        return rnnlm(s) + _lstm_products(s, s["H"], s["T"])

    def seq2seq(s):
        return _lstm_products(s, s["D"], s["Te"] + s["T"]) + output(s)

    def peeky(s):
        return seq2seq(s) + output(s) + s["N"] * s["T"] * s["H"] * 4 * s["H"]

    def attention(s):
        return seq2seq(s) + output(s) + 2 * s["N"] * s["T"] * s["Te"] * s["H"]

    return {
        "Rnnlm step": _step_op(steps.words, steps.rnnlm, text, rnnlm, word_ids),
        "BetterRnnlm step": _step_op(steps.words, steps.better_rnnlm, text, better, word_ids),
        "CBOW step": _step_op(steps.contexts, steps.cbow, window, ids=word_ids),
        "SkipGram step": _step_op(steps.contexts, steps.skip_gram, window, ids=word_ids),
        "Seq2seq step": _step_op(steps.sequences, steps.seq2seq, answers, seq2seq),
        "PeekySeq2seq step": _step_op(steps.sequences, steps.peeky_seq2seq, answers, peeky),
        "AttentionSeq2seq step": _step_op(
            steps.sequences, steps.attention_seq2seq, answers, attention
        ),
    }


def _layer_op(module, names, parts, make, reference="layers", work=None):
    return Op(
        (),
        layers.draw(parts),
        make,
        {name: layers.SMALL[name] for name in names},
        work or (lambda s, itemsize: Work()),
        tolerance={"float32": 1e-4},  # the layers' outputs are float32, as the book's
        fast=f"fastembed.{module}",
        reference=f"fastembed.reference.{reference}",
        repeats=2,
        ranges={name: layers.RANGES[name] for name in names},
    )


def _layer_ops():
    work = {
        # each gathered row is read and written, each gradient read; rows added to are filled
        "TimeEmbedding": lambda s, itemsize: Work(
            copied=s["N"] * s["T"] * (3 * s["D"] * itemsize + 16),
            filled=s["V"] * s["D"] * itemsize,
        ),
        "TimeSoftmaxWithLoss": lambda s, itemsize: Work(
            copied=2 * s["N"] * s["T"] * s["V"] * itemsize
        ),
    }
    rows = {}
    for name, (module, names, parts) in layers.LAYERS.items():
        make = layers.layer(name)
        rows[f"{name} fwd+bwd"] = _layer_op(module, names, parts, make, work=work.get(name))
    for name in layers.OPTIMIZERS:
        make = layers.optimizer(name)
        rows[f"{name} update"] = _layer_op("optimizer", "DH", layers.weights, make, "training")
    rows["clip_grads"] = _layer_op("util", "DH", layers.weights, layers.clip_grads, "training")
    for name, (names, parts) in layers.FUNCTIONS.items():
        make = layers.function(name)
        rows[f"functions.{name}"] = _layer_op("functions", names, parts, make)
    return rows


LAYER_OPS = _layer_ops()
OPS = {
    **_embedding_ops(),
    **_recurrent_ops(),
    "matmul": Op(
        ("matmul",),
        inputs.matmul,
        lambda m, x: lambda: (m.matmul(x["a"], x["b"], out=x["out"]),),
        {"M": 17, "K": 9, "N": 33},
        lambda s, itemsize: Work(flops=2 * s["M"] * s["K"] * s["N"]),
    ),
    "affine": Op(
        ("affine",),
        inputs.matmul,
        lambda m, x: lambda: (m.affine(x["a"], x["b"], x["bias"]),),
        {"M": 17, "K": 9, "N": 33},
        lambda s, itemsize: Work(flops=2 * s["M"] * s["K"] * s["N"]),
    ),
    "affine_backward": Op(
        ("affine_backward",),
        inputs.matmul,
        lambda m, x: lambda: m.affine_backward(x["dout"], x["a"], x["b"]),
        {"M": 17, "K": 9, "N": 33},
        lambda s, itemsize: Work(flops=4 * s["M"] * s["K"] * s["N"]),
    ),
    "softmax": Op(
        ("softmax",),
        inputs.scores,
        lambda m, x: lambda: (m.softmax(x["scores"]),),
        {"n": 6, "V": 13},
        lambda s, itemsize: Work(copied=2 * s["n"] * s["V"] * itemsize),
    ),
    "softmax_backward": Op(
        ("softmax", "softmax_backward"),
        inputs.scores,
        _softmax_backward,
        {"n": 6, "V": 13},
        lambda s, itemsize: Work(copied=3 * s["n"] * s["V"] * itemsize),
    ),
    "softmax_cross_entropy": Op(
        ("softmax_cross_entropy",),
        inputs.scores,
        lambda m, x: lambda: m.softmax_cross_entropy(x["scores"], x["labels"]),
        {"n": 6, "V": 13},
        lambda s, itemsize: Work(copied=2 * s["n"] * s["V"] * itemsize),
        ids=("uniform", "zipf"),
    ),
    "linear_cross_entropy": Op(
        ("linear_cross_entropy",),
        inputs.linear,
        lambda m, x: lambda: m.linear_cross_entropy(x["x"], x["W"], x["b"], x["labels"]),
        {"n": 6, "D": 5, "V": 13},
        lambda s, itemsize: Work(flops=6 * s["n"] * s["D"] * s["V"]),
        ids=("uniform", "zipf"),
    ),
    "sigmoid_cross_entropy": Op(
        ("sigmoid_cross_entropy",),
        inputs.sigmoid,
        lambda m, x: lambda: m.sigmoid_cross_entropy(x["scores"], x["labels"]),
        {"n": 23},
        lambda s, itemsize: Work(copied=s["n"] * (2 * itemsize + 8)),
    ),
    "sgd": _optimizer_op("sgd", (), 0.01, streams=3),
    "momentum": _optimizer_op("momentum", ("m",), 0.01, 0.9, streams=5),
    "nesterov": _optimizer_op("nesterov", ("m",), 0.01, 0.9, streams=5),
    "adagrad": _optimizer_op("adagrad", ("v",), 0.01, streams=5),
    "rmsprop": _optimizer_op("rmsprop", ("v",), 0.01, 0.99, streams=5),
    "adam": _optimizer_op("adam", ("m", "v"), 0.001, 0.9, 0.999, streams=7),
    "global_norm": Op(
        ("global_norm",),
        inputs.optimizer,
        lambda m, x: lambda: (m.global_norm([x["param"], x["grad"]]),),
        {"n": 37},
        _stream(2),
    ),
    "scale": Op(("scale",), inputs.optimizer, _scale, {"n": 37}, _stream(4)),
    "time_attention fwd+bwd": Op(
        ("time_attention", "time_attention_backward"),
        inputs.attention,
        _attention,
        {"N": 3, "T": 4, "Te": 5, "H": 6},
        _attention_work,
        tolerance={"float32": 1e-4, "float64": 1e-11},
    ),
    "attention step": Op(
        (
            "attention_weight",
            "attention_weight_backward",
            "weight_sum",
            "weight_sum_backward",
        ),
        inputs.attention,
        _attention_step,
        {"N": 3, "T": 1, "Te": 5, "H": 6},
        _attention_work,
        tolerance={"float32": 1e-4, "float64": 1e-11},
    ),
    "negative_sampling fwd+bwd": Op(
        ("negative_sampling_loss", "negative_sampling_backward"),
        inputs.negative,
        _negative_sampling,
        {"n": 7, "V": 13, "H": 6, "k": 3},
        # W's rows are read, dW's rows filled and added to
        lambda s, itemsize: Work(
            copied=2 * s["n"] * (s["k"] + 1) * s["H"] * itemsize,
            filled=s["V"] * s["H"] * itemsize,
        ),
        ids=("uniform", "zipf", "hot"),
    ),
    "negative_samples": Op(
        ("negative_samples",),
        inputs.negative,
        _negative_samples,
        {"n": 7, "V": 13, "H": 6, "k": 3},
        ids=("uniform", "zipf"),
    ),
    **LAYER_OPS,
    **_step_ops(),
}

# the distribution of ids that a case has unless it says otherwise: words of a text
ZIPF = "zipf"


def drawn(op, count, seed):
    """Cases whose sizes are drawn log-uniformly: for more of them, the same ones and others."""
    row = OPS[op]
    rng = np.random.default_rng([seed, zlib.crc32(op.encode())])
    likely = [ids for ids in row.ids if ids in ("", "uniform", ZIPF)]
    found = {}
    while len(found) < count:
        sizes = {
            name: round(math.exp(rng.uniform(math.log(low), math.log(high))))
            for name, (low, high) in row.ranges.items()
        }
        if row.fits(sizes):
            one = Case(op, sizes, likely[len(found) % len(likely)])
            found[one.name] = one
    return list(found.values())


def case(op, ids=None, dtype="float32", **sizes):
    """A case in short: ``case("gather", V=10_000, D=100, n=700)``."""
    if ids is None:
        ids = ZIPF if ZIPF in OPS[op].ids else ""
    return Case(op, sizes, ids, dtype)
