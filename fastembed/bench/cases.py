"""The table of ops: each with its inputs, its slow twin and its sizes.

``benchmarks/cases.py`` adds what only the whole benchmark and the tests call.
"""

import importlib
import inspect
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

# sizes of the tests: small, and most of them no multiple of a vector's width
SMALL = dict(N=3, T=4, Te=5, D=7, H=6, V=13, n=37, k=3, L=5, M=17, K=9)
TIGHT = {"float32": 2e-5, "float64": 1e-11}
LOOSE = {"float32": 1e-4, "float64": 1e-10}  # sums over many steps
WORDS = ("uniform", "zipf")


@dataclass(frozen=True)
class Op:
    """A row of the table.

    ``draw(d, **sizes)`` gives the inputs, with a `Draw` d; its parameters are the op's sizes.
    ``make(module, *inputs)`` gives a function that does the work once and returns its results (see
    `flat`), where the module is ``fast`` or ``reference``.
    """

    draw: Callable
    make: Callable
    ids: tuple = ("",)  # distributions of ids that matter to it
    # dtype -> greatest difference from the reference, relative to the largest number
    tolerance: dict = field(default_factory=lambda: TIGHT)
    fast: str = "fastembed.ops"
    reference: str = "fastembed.reference"
    repeats: int = 1  # calls whose results are compared
    sizes: dict = field(default_factory=dict)  # of its test, where they differ from SMALL

    @property
    def small(self):
        """The sizes of its test."""
        names = list(inspect.signature(self.draw).parameters)[1:]
        return {name: {**SMALL, **self.sizes}[name] for name in names}


@dataclass(frozen=True)
class Case:
    """One measurement: an op of a module's table ``OPS`` with sizes, ids' distribution, dtype."""

    op: str
    sizes: dict
    ids: str = ""
    dtype: str = "float32"
    table: str = __name__

    @property
    def row(self):
        return importlib.import_module(self.table).OPS[self.op]

    @property
    def name(self):
        sizes = (f"{key}={short(value)}" for key, value in self.sizes.items())
        parts = [self.op, *sizes, self.ids, "" if self.dtype == "float32" else self.dtype]
        return " ".join(filter(None, parts))

    @property
    def tolerance(self):
        return self.row.tolerance[self.dtype]

    def inputs(self):
        """The same random arrays in every process."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        return self.row.draw(Draw(rng, np.dtype(self.dtype), self.ids), **self.sizes)


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


class Draw:
    """Random inputs: ``d(3, 4)`` is an array of numbers, ``d.ids(V, 4)`` one of ids below V."""

    def __init__(self, rng, dtype, distribution):
        self.rng = rng
        self.dtype = dtype
        self.distribution = distribution or "zipf"

    def __call__(self, *shape, width=1.0):
        """Uniform numbers in (-width, width): quick to draw, never denormal for long."""
        return (self.rng.random(shape, self.dtype) * 2 - 1) * self.dtype.type(width)

    def ids(self, V, *shape):
        return draw_ids(self.rng, self.distribution, V, shape)

    def cell(self, gates, D, H, biases=None):
        """Wx, Wh and b of a recurrent cell."""
        shapes = (D, gates * H), (H, gates * H), ((biases or gates) * H,)
        return [self(*shape, width=1 / math.sqrt(H)) for shape in shapes]


def draw_ids(rng, distribution, V, shape):
    """Random ids in [0, V).

    uniform : every id alike; zipf : the k-th most frequent id has a share of 1/k, frequent ids
    anywhere in W; hot : half of all are one id; constant : all are the same id.
    """
    if distribution == "zipf":
        shares = np.cumsum(1 / np.arange(1, V + 1))
        ranks = np.searchsorted(shares, rng.random(shape) * shares[-1])
        return rng.permutation(V)[np.minimum(ranks, V - 1)]
    share = {"uniform": 0, "hot": 0.5, "constant": 1}[distribution]
    return np.where(rng.random(shape) < share, V // 2, rng.integers(0, V, shape))


def call(name, draw, **row):
    """The row of an op that is called with its inputs as they are."""
    # partial: what small calls are wrapped in counts for everyone, and it costs the least
    return Op(draw, lambda m, *x: partial(getattr(m, name), *x), **row)


def _embedding_op(make):
    ids = ("uniform", "zipf", "hot", "constant")
    return Op(lambda d, V, D, n: (d(V, D), d.ids(V, n), d(n, D)), make, ids)


def spread_lengths(N, T):
    """Lengths of N sequences, spread from T to 1: about half of a padded batch is padding."""
    return np.linspace(T, 1, N).round().astype(int)


def _bag_op(mode, train):
    options = {"mode": "sum" if mode == "weighted" else mode}

    def make(m, W, idx, weights, dout):
        given = options | ({"per_sample_weights": weights} if mode == "weighted" else {})
        infer = partial(m.embedding_bag, W, idx, **given)
        if not train:
            return infer

        def run():
            if mode != "max":
                return infer(), m.embedding_bag_backward(dout, W, idx, **given)
            out, argmax = infer(need_argmax=True)
            return out, m.embedding_bag_backward(dout, W, idx, argmax=argmax, **given)

        return run

    return Op(lambda d, V, D, N, L: (d(V, D), d.ids(V, N, L), d(N, L), d(N, D)), make, WORDS)


def _recurrent_ops(name, gates, states, biases=None):
    def draw(d, N, T, D, H):
        weights = d.cell(gates, D, H, biases)
        return d(N, T, D), weights, [d(N, H) for _ in range(states)], d(N, T, H)

    def draw_lengths(d, N, T, D, H):
        return *draw(d, N, T, D, H), {"lengths": d.rng.permutation(spread_lengths(N, T))}

    def infer(m, xs, weights, start, _, options=None):
        return partial(getattr(m, name), xs, *weights, *start, need_cache=False, **(options or {}))

    def train(m, xs, weights, start, dhs, options=None):
        forward, backward = getattr(m, name), getattr(m, f"{name}_backward")
        forward = partial(forward, xs, *weights, *start, **(options or {}))

        def run():
            *outputs, cache = forward()
            return outputs, backward(dhs, cache)

        return run

    return {
        f"{name} {part}{end}": Op(inputs, make, tolerance=LOOSE)
        for end, inputs in (("", draw), (" lengths", draw_lengths))
        for part, make in (("fwd", infer), ("fwd+bwd", train))
    }


def optimizer(name, states, *numbers):
    """An update of one parameter; states are the places of its moments among the inputs."""

    def make(m, *inputs):
        arrays = [inputs[k] for k in (0, *states)]
        step = partial(getattr(m, name), inputs[0], inputs[1], *arrays[1:], *numbers)

        def run():
            step()
            return arrays

        return run

    def draw(d, n):
        return d(n), d(n), d(n), abs(d(n))  # the last one is a mean of squares

    return Op(draw, make)


def _attention(m, hs_enc, hs_dec, dout):
    def run():
        out, weights = m.time_attention(hs_enc, hs_dec)
        return out, weights, *m.time_attention_backward(dout, hs_enc, hs_dec, weights)

    return run


def _negative_sampling(m, h, W, targets, dW):
    labels = np.arange(targets.shape[1]) == 0

    def run():
        loss, dscores = m.negative_sampling_loss(h, W, targets, labels)
        return loss, dscores, m.negative_sampling_backward(dscores, h, W, targets, dW), dW

    return run


def _negative_samples(m, shares, words, k):
    def run():
        np.random.seed(0)  # both draw from the legacy stream
        return m.negative_samples(shares, words, k)

    return run


def layer(module, name, draw, **row):
    """The row of a layer: one forward and one backward; draw gives the arguments of all three."""

    def make(m, arguments, arrays, gradients):
        np.random.seed(0)  # dropout and negative samples draw from the legacy stream
        layer = getattr(m, name)(*arguments)
        forward, backward = layer.forward, layer.backward
        grads = getattr(layer, "grads", None)
        return lambda: (forward(*arrays), backward(*gradients), grads)

    modules = {"fast": f"fastembed.{module}", "reference": "fastembed.reference.layers"}
    # the layers' outputs are float32, as the book's
    return Op(draw, make, tolerance={"float32": 1e-4}, repeats=2, **modules, **row)


OPS = {
    "gather": _embedding_op(lambda m, W, idx, _: partial(m.gather, W, idx)),
    "gather out": _embedding_op(lambda m, W, idx, out: partial(m.gather, W, idx, out=out)),
    "scatter_add": _embedding_op(lambda m, *x: partial(m.scatter_add, *x)),
    "scatter_add zero": _embedding_op(lambda m, *x: partial(m.scatter_add, *x, zero=True)),
    **{
        f"embedding_bag {mode} {part}": _bag_op(mode, part != "fwd")
        for mode in ("sum", "mean", "max", "weighted")
        for part in ("fwd", "fwd+bwd")
    },
    **_recurrent_ops("lstm", 4, 2),
    **_recurrent_ops("gru", 3, 1),
    **_recurrent_ops("gru_reset_after", 3, 1, 4),
    **_recurrent_ops("rnn", 1, 1),
    "matmul": Op(
        lambda d, M, K, N: (d(M, K), d(K, N), d(M, N)),
        lambda m, a, b, out: partial(m.matmul, a, b, out=out),
        sizes={"N": 33},
    ),
    "affine_backward": call(
        "affine_backward", lambda d, M, K, N: (d(M, N), d(M, K), d(K, N)), sizes={"N": 33}
    ),
    "softmax_cross_entropy": call(
        "softmax_cross_entropy", lambda d, n, V: (d(n, V, width=5), d.ids(V, n)), ids=WORDS
    ),
    "linear_cross_entropy": call(
        "linear_cross_entropy", lambda d, n, D, V: (d(n, D), d(D, V), d(V), d.ids(V, n)), ids=WORDS
    ),
    "sgd": optimizer("sgd", (), 0.01),
    "adam": optimizer("adam", (2, 3), 0.001, 0.9, 0.999),
    "global_norm": call("global_norm", lambda d, n: ([d(n), d(n)],)),
    "time_attention fwd+bwd": Op(
        lambda d, N, T, Te, H: (d(N, Te, H), d(N, T, H), d(N, T, H)), _attention, tolerance=LOOSE
    ),
    "negative_sampling fwd+bwd": Op(
        lambda d, n, V, H, k: (d(n, H), d(V, H), d.ids(V, n, k + 1), d(V, H)),
        _negative_sampling,
        ids=(*WORDS, "hot"),
    ),
    "negative_samples": Op(
        lambda d, n, V, k: (d.rng.random(V) + 0.1, d.ids(V, n), k), _negative_samples, ids=WORDS
    ),
    "TimeEmbedding fwd+bwd": layer(
        "time_layers",
        "TimeEmbedding",
        lambda d, N, T, V, D: ([d(V, D)], [d.ids(V, N, T)], [d(N, T, D)]),
    ),
    "TimeSoftmaxWithLoss fwd+bwd": layer(
        "time_layers",
        "TimeSoftmaxWithLoss",
        lambda d, N, T, V: ([], [d(N, T, V), d.ids(V, N, T)], []),
    ),
}


def case(op, ids=None, dtype="float32", table=__name__, **sizes):
    """A case in short: ``case("gather", V=10_000, D=100, n=700)``; ids are a text's words."""
    if ids is None:
        ids = "zipf" if "zipf" in importlib.import_module(table).OPS[op].ids else ""
    return Case(op, sizes, ids, dtype, table)
