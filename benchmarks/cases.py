"""Ops that only the whole benchmark and the tests call, cells whose sizes are drawn, and all ops.

An op of the library that is not in the table, here or in ``fastembed.bench.cases``, fails a test.
"""

import itertools
import math
import zlib
from functools import partial

import numpy as np

from benchmarks import files, steps, vectors
from fastembed import tables
from fastembed.bench import cases
from fastembed.bench.cases import LOOSE, WORDS, Case, Op, call, layer, optimizer

RATIO = 0.5  # of dropout


BATCHES = 8  # of ids: the same rows again and again would stay in the cache


def _in_a_file(d, V, D, n):
    """A table that is mapped from a file, batches of ids, and a place for their rows."""

    def make(path):
        file = tables.create(path, W.shape, W.dtype)
        file[...] = W

    W, ids, out = d(V, D), d.ids(V, BATCHES, n), d(n, D)
    return tables.open(files.made(f"{V}x{D}-{W.dtype}.npy", make), "r"), ids, out


def _gather_mapped(m, W, batches, out):
    turn = itertools.cycle(batches)
    return lambda: m.gather(W, next(turn), out=out)


def _scale(m, *arrays):
    def run():
        m.scale(list(arrays), -1.0)  # keeps its size, however often it runs
        return arrays

    return run


def _softmax_backward(m, scores, dout):
    y = m.softmax(scores)
    return lambda: (y, m.softmax_backward(dout, y))


def _attention_step(m, hs, h, dc):
    def run():
        a = m.attention_weight(hs, h)
        c = m.weight_sum(hs, a)
        dhs, da = m.weight_sum_backward(dc, hs, a)
        return a, c, dhs, da, *m.attention_weight_backward(da, hs, h, a)

    return run


def _cell(name, gates, states, biases=None):
    def draw(d, N, D, H):
        return d(N, D), d.cell(gates, D, H, biases), [d(N, H) for _ in range(states)], d(N, H)

    def make(m, x, weights, start, dh):
        forward, backward = getattr(m, f"{name}_cell"), getattr(m, f"{name}_cell_backward")

        def run():
            *outputs, cache = forward(x, *start, *weights)
            return outputs, backward(*[dh] * states, cache)

        return run

    return Op(draw, make, tolerance=LOOSE)


def _text(d, V, H, n):
    """Vectors, the ids of a text, and the tables that training draws with."""
    table = d(V), np.arange(V)[::-1].copy()
    return d(2, V, H), d(2, V, H), d.ids(V, n), abs(d(V)), *table


def _word2vec(m, W_in, W_out, ids, keep, accept, alias):
    m.alias_table(abs(accept).astype("d"))

    def run():
        return m.train_word2vec(W_in, W_out, ids, keep, accept, alias, lr=1e-3), W_in, W_out

    return run


def _segments(d, n, k, D):
    offsets = np.sort(d.rng.integers(0, n + 1, k))
    offsets[0] = 0
    return d(n, D), offsets


MORE_OPS = {
    "gather mapped": Op(_in_a_file, _gather_mapped, ids=("uniform",), repeats=2),
    "train_word2vec": Op(_text, _word2vec, repeats=2),
    "segment_sum": call("segment_sum", _segments),
    "lstm step": _cell("lstm", 4, 2),
    "gru step": _cell("gru", 3, 1),
    "gru_reset_after step": _cell("gru_reset_after", 3, 1, 4),
    "rnn step": _cell("rnn", 1, 1),
    "affine": call(
        "affine",
        lambda d, M, K, N: (d(M, K), d(K, N), d(N)),
        sizes={"N": 33},
    ),
    "coalesce": call(
        "coalesce", lambda d, V, D, n: (d.ids(V, n), d(n, D), V), ids=("uniform", *WORDS[1:], "hot")
    ),
    "softmax": call("softmax", lambda d, n, V: (d(n, V, width=5),)),
    "softmax_backward": Op(lambda d, n, V: (d(n, V, width=5), d(n, V)), _softmax_backward),
    "sigmoid_cross_entropy": call(
        "sigmoid_cross_entropy",
        lambda d, n: (d(n, width=5), d.rng.integers(0, 2, n)),
    ),
    "momentum": optimizer("momentum", (2,), 0.01, 0.9),
    "nesterov": optimizer("nesterov", (2,), 0.01, 0.9),
    "adagrad": optimizer("adagrad", (3,), 0.01),
    "rmsprop": optimizer("rmsprop", (3,), 0.01, 0.99),
    "scale": Op(lambda d, n: (d(n), d(n)), _scale),
    "attention step": Op(
        lambda d, N, Te, H: (d(N, Te, H), d(N, H), d(N, H)),
        _attention_step,
        tolerance=LOOSE,
    ),
}


# ---- the book's layers, optimizers and functions

# layer -> its arguments, inputs of forward, gradients for backward
_LAYERS = {
    "MatMul": lambda d, N, D, H: ([d(D, H)], [d(N, D)], [d(N, H)]),
    "Affine": lambda d, N, D, H: ([d(D, H), d(H)], [d(N, D)], [d(N, H)]),
    "Softmax": lambda d, N, V: ([], [d(N, V)], [d(N, V)]),
    "SoftmaxWithLoss": lambda d, N, V: ([], [d(N, V), d.ids(V, N)], []),
    "Sigmoid": lambda d, N, H: ([], [d(N, H)], [d(N, H)]),
    "SigmoidWithLoss": lambda d, N: ([], [d(N), d.ids(2, N)], []),
    "Dropout": lambda d, N, H: ([RATIO], [d(N, H)], [d(N, H)]),
    "Embedding": lambda d, N, V, H: ([d(V, H)], [d.ids(V, N)], [d(N, H)]),
    "EmbeddingBag": lambda d, N, T, V, H: ([d(V, H)], [d.ids(V, N, T)], [d(N, H)]),
    "EmbeddingDot": lambda d, N, V, H: ([d(V, H)], [d(N, H), d.ids(V, N)], [d(N)]),
    "NegativeSamplingLoss": lambda d, N, V, H: (
        [d(V, H), np.concatenate([np.arange(V), d.ids(V, 5 * V)])],
        [d(N, H), d.ids(V, N)],
        [],
    ),
}
_TIME_LAYERS = {
    "RNN": lambda d, N, D, H: (d.cell(1, D, H), [d(N, D), d(N, H)], [d(N, H)]),
    "LSTM": lambda d, N, D, H: (
        d.cell(4, D, H),
        [d(N, D), d(N, H), d(N, H)],
        [d(N, H), d(N, H)],
    ),
    "GRU": lambda d, N, D, H: (d.cell(3, D, H), [d(N, D), d(N, H)], [d(N, H)]),
    "TimeRNN": lambda d, N, T, D, H: (d.cell(1, D, H), [d(N, T, D)], [d(N, T, H)]),
    "TimeLSTM": lambda d, N, T, D, H: (d.cell(4, D, H), [d(N, T, D)], [d(N, T, H)]),
    "TimeGRU": lambda d, N, T, D, H: (d.cell(3, D, H), [d(N, T, D)], [d(N, T, H)]),
    "TimeBiLSTM": lambda d, N, T, D, H: (
        [*d.cell(4, D, H), *d.cell(4, D, H)],
        [d(N, T, D)],
        [d(N, T, 2 * H)],
    ),
    "TimeAffine": lambda d, N, T, D, H: ([d(D, H), d(H)], [d(N, T, D)], [d(N, T, H)]),
    "TimeDropout": lambda d, N, T, H: ([RATIO], [d(N, T, H)], [d(N, T, H)]),
    "TimeSigmoidWithLoss": lambda d, N, T: ([], [d(N, T), d.ids(2, N, T)], []),
    "Simple_TimeSoftmaxWithLoss": lambda d, N, T, V: ([], [d(N, T, V), d.ids(V, N, T)], []),
    "Simple_TimeAffine": lambda d, N, T, D, H: ([d(D, H), d(H)], [d(N, T, D)], [d(N, T, H)]),
}
_ATTENTION = {
    "WeightSum": lambda d, N, T, H: ([], [d(N, T, H), d(N, T)], [d(N, H)]),
    "AttentionWeight": lambda d, N, T, H: ([], [d(N, T, H), d(N, H)], [d(N, T)]),
    "Attention": lambda d, N, T, H: ([], [d(N, T, H), d(N, H)], [d(N, H)]),
    "TimeAttention": lambda d, N, T, H: ([], [d(N, T, H), d(N, T + 1, H)], [d(N, T + 1, H)]),
}
_FUNCTIONS = {
    "sigmoid": lambda d, N, H: (d(N, H),),
    "relu": lambda d, N, H: (d(N, H),),
    "softmax": lambda d, N, V: (d(N, V),),
    "cross_entropy_error": lambda d, N, V: (abs(d(N, V)), d.ids(V, N)),
}


def _weights(d, D, H):
    """Two lists of arrays, weights and their gradients: those of an LSTM."""
    return d.cell(4, D, H), [abs(grad) for grad in d.cell(4, D, H)]


def _update(name):
    """One update of a few weights."""

    def make(m, params, grads):
        update = getattr(m, name)().update

        def run():
            update(params, grads)
            return params

        return run

    return make


def _clip_grads(m, params, grads):
    # soon the gradients are 0, at the same speed; with a larger norm they would not be scaled again
    def run():
        m.clip_grads(grads, 1e-12)
        return grads

    return run


def _of(module, reference, draw, make):
    modules = {"fast": f"fastembed.{module}", "reference": f"fastembed.reference.{reference}"}
    return Op(draw, make, tolerance={"float32": 1e-4}, repeats=2, **modules)


LAYER_OPS = {
    **{
        f"{name} fwd+bwd": layer(module, name, draw)
        for module, layers in (
            ("layers", _LAYERS),
            ("time_layers", _TIME_LAYERS),
            ("attention", _ATTENTION),
        )
        for name, draw in layers.items()
    },
    **{op: cases.OPS[op] for op in ("TimeEmbedding fwd+bwd", "TimeSoftmaxWithLoss fwd+bwd")},
    **{
        f"{name} update": _of("optimizer", "training", _weights, _update(name))
        for name in ("SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam")
    },
    "clip_grads": _of("util", "training", _weights, _clip_grads),
    **{
        f"functions.{name}": _of(
            "functions", "layers", draw, lambda m, *x, name=name: partial(getattr(m, name), *x)
        )
        for name, draw in _FUNCTIONS.items()
    },
}
OPS = {**cases.OPS, **MORE_OPS, **LAYER_OPS, **steps.OPS, **vectors.OPS}
case = partial(cases.case, table=__name__)


# ---- cells whose sizes are drawn: no size is tuned to

_LOOKUP = {"V": (100, 1_000_000), "D": (8, 1024), "n": (1, 65_536), "N": (1, 4096), "L": (1, 128)}
_SEQUENCE = {"N": (1, 128), "T": (1, 100), "D": (8, 1024), "H": (8, 1024)}
# of layers, from the smallest on, where a call's own cost is all that counts
_SMALL = {"N": (1, 64), "T": (1, 32), "D": (5, 128), "H": (5, 128), "V": (10, 1000)}


def ranges(op):
    """Size -> its least and its greatest value."""
    if op in LAYER_OPS:
        return {name: _SMALL[name] for name in OPS[op].small}
    sizes = OPS[op].small
    return {name: (_LOOKUP if "V" in sizes else _SEQUENCE)[name] for name in sizes}


def bearable(V=0, D=0, n=0, N=0, T=0, H=0, L=0):
    """Whether sizes need at most 256 MB of W, 64 MB of rows and a second or so of products."""
    rows = max(n, N * L) * D
    return V * D <= 1 << 26 and rows <= 1 << 24 and N * T * (D + H) * H <= 1e8


def drawn(op, count, seed):
    """Cases whose sizes are drawn log-uniformly: for more of them, the same ones and others."""
    rng = np.random.default_rng([seed, zlib.crc32(op.encode())])
    likely = [ids for ids in OPS[op].ids if ids in ("", *WORDS)]
    found = {}
    while len(found) < count:
        sizes = {
            name: round(math.exp(rng.uniform(math.log(low), math.log(high))))
            for name, (low, high) in ranges(op).items()
        }
        if bearable(**sizes):
            one = Case(op, sizes, likely[len(found) % len(likely)], table=__name__)
            found[one.name] = one
    return list(found.values())
