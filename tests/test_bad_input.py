"""Every public name against bad input: a documented result, or an error that names the argument.

A row of the tables gives good arguments; what is tried with them is made from it. The names are the
package's: a new one without a row fails. ``python tests/test_bad_input.py`` counts the inputs.
"""

import copy
import inspect
import re
import warnings
from functools import cache, partial
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import lay, swapped, unaligned
from numpy.lib.stride_tricks import as_strided

from fastembed import (
    attention,
    exchange,
    functions,
    layers,
    ops,
    optimizer,
    recurrent_layers,
    reference,
    sparse,
    tables,
    time_layers,
    trainer,
    util,
    vectors,
    word2vec,
)
from fastembed.reference import layers as slow_layers
from fastembed.reference import recurrent as slow_recurrent
from fastembed.reference import training as slow_training

# J: an offset into N, or its end; L: lengths up to T
SIZES = dict(N=3, T=4, D=5, H=6, V=7, K=2, E=3, I=1, J=4, L=5)
HUGE = 2**45  # more bytes than an address space has; as an int of 32 bits: nothing

# name:shape of floats (a product 4H is one axis); name<B:shape of ids below B, %: of bits; ! is
# written; shape;shape is a tuple, [shape;shape] a list; ? may be None; name=value;
# cache@op: what op has kept
OPS = {
    "gather": "W:V,D idx<V:N out!?:N,D",
    "scatter_add": "dW!:V,D idx<V:N dout:N,D zero=True",
    "coalesce": "idx<V:N dout:N,D num_rows=7 padding_idx?=2 mean=True",
    "embedding_bag": "W:V,D idx<V:N offsets<J:E padding_idx?=2 out!?:E,D",
    "embedding_bag_backward": "dout:E,D W:V,D idx<V:N offsets<J:E padding_idx?=2 out!?:V,D",
    "segment_sum": "values:N,D offsets<J:E out!?:E,D",
    "matmul": "a:N,D b:D,H out!?:N,H",
    "affine": "x:N,D W:D,H b?:H",
    "affine_backward": "dout:N,H x:N,D W:D,H out!?:D,H;H",
    "softmax": "x:N,V",
    "softmax_backward": "dout:N,V y:N,V",
    "softmax_cross_entropy": "scores:N,V labels<V:N ignore_label?=-1 eps=0.1 label_smoothing=0.1",
    "sigmoid_cross_entropy": "scores:N labels%:N eps=0.1",
    "linear_cross_entropy": "x:N,D W:D,V b:V labels<V:N ignore_label?=-1 out!?:D,V;V "
    "label_smoothing=0.1",
    "negative_sampling_loss": "h:N,D W:V,D targets<V:N,K labels%:N,K eps=0.1",
    "negative_sampling_backward": "dscores:N,K h:N,D W:V,D targets<V:N,K dW!:V,D",
    "negative_samples": "p:V targets<V:N size=2",
    "alias_table": "p:V",
    "train_word2vec": "W_in!:K,V,D W_out!:K,V,D ids<V:N keep:V accept:V alias<V:V start=0 stop?=3 "
    "window=2 negative=2 lr=0.1 seed=5 shrink_windows=True skip_gram=True mean=True batch=2 "
    "deterministic=True",
    "sgd": "param!:D,H grad:D,H lr=0.1",
    "momentum": "param!:D,H grad:D,H v!:D,H lr=0.1 rate=0.9",
    "nesterov": "param!:D,H grad:D,H v!:D,H lr=0.1 rate=0.9",
    "adagrad": "param!:D,H grad:D,H h!:D,H lr=0.1",
    "rmsprop": "param!:D,H grad:D,H h!:D,H lr=0.1 decay_rate=0.9",
    "adam": "param!:D,H grad:D,H m!:D,H v!:D,H lr_t=0.1 beta1=0.9 beta2=0.99",
    "global_norm": "arrays:[D,H;H]",
    "scale": "arrays!:[D,H;H] rate=0.5",
    "time_attention": "hs_enc:N,E,H hs_dec:N,T,H",
    "time_attention_backward": "dout:N,T,H hs_enc:N,E,H hs_dec:N,T,H weights:N,T,E",
    "attention_weight": "hs:N,T,H h:N,H",
    "attention_weight_backward": "da:N,T hs:N,T,H h:N,H a:N,T",
    "weight_sum": "hs:N,T,H a:N,T",
    "weight_sum_backward": "dc:N,H hs:N,T,H a:N,T",
    "lstm": "xs:N,T,D Wx:D,4H Wh:H,4H b:4H h0?:N,H c0?:N,H lengths?<L:N reverse=True",
    "lstm_backward": "dhs:N,T,H cache@lstm dh_last?:N,H dc_last?:N,H out!?:D,4H;H,4H;4H",
    "lstm_cell": "x:N,D h_prev:N,H c_prev:N,H Wx:D,4H Wh:H,4H b:4H",
    "lstm_cell_backward": "dh:N,H dc:N,H cache@lstm_cell out!?:D,4H;H,4H;4H",
}
for kind, G, B in (("rnn", "", ""), ("gru", 3, 3), ("gru_reset_after", 3, 4)):
    weights, out = f"Wx:D,{G}H Wh:H,{G}H b:{B}H", f"out!?:D,{G}H;H,{G}H;{B}H"
    OPS |= {
        kind: f"xs:N,T,D {weights} h0?:N,H lengths?<L:N reverse=True",
        f"{kind}_backward": f"dhs:N,T,H cache@{kind} dh_last?:N,H {out}",
        f"{kind}_cell": f"x:N,D h_prev:N,H {weights}",
        f"{kind}_cell_backward": f"dh:N,H cache@{kind}_cell {out}",
    }
RECURRENT = {name for name in OPS if name.split("_")[0] in ("rnn", "gru", "lstm")}
RECURRENT -= {name for name in OPS if "backward" in name}  # the last result is what is kept
# constructor / forward / backward
LAYERS = {
    "MatMul": "W:D,H / x:N,D / dout:N,H",
    "Affine": "W:D,H b:H / x:N,D / dout:N,H",
    "Softmax": "/ x:N,V / dout:N,V",
    "SoftmaxWithLoss": "/ x:N,V t<V:N / dout=2.0",
    "Sigmoid": "/ x:N,D / dout:N,D",
    "SigmoidWithLoss": "/ x:N t%:N / dout=2.0",
    "Dropout": "dropout_ratio=0.3 / x:N,D / dout:N,D",
    "Embedding": "W:V,D / idx<V:N,T / dout:N,T,D",
    "EmbeddingBag": "W:V,D / idx<V:N,T / dout:N,D",
    "EmbeddingDot": "W:V,D / h:N,D idx<V:N / dout:N",
    "NegativeSamplingLoss": "W:V,D corpus<V:V power=0.75 sample_size=2 / "
    "h:N,D target<V:N / dout=2.0",
    "RNN": "Wx:D,H Wh:H,H b:H / x:N,D h_prev:N,H / dh_next:N,H",
    "LSTM": "Wx:D,4H Wh:H,4H b:4H / x:N,D h_prev:N,H c_prev:N,H / dh_next:N,H dc_next:N,H",
    "GRU": "Wx:D,3H Wh:H,3H b:3H / x:N,D h_prev:N,H / dh_next:N,H",
    "TimeRNN": "Wx:D,H Wh:H,H b:H / xs:N,T,D / dhs:N,T,H",
    "TimeLSTM": "Wx:D,4H Wh:H,4H b:4H / xs:N,T,D / dhs:N,T,H",
    "TimeGRU": "Wx:D,3H Wh:H,3H b:3H / xs:N,T,D / dhs:N,T,H",
    "TimeBiLSTM": "Wx1:D,4H Wh1:H,4H b1:4H Wx2:D,4H Wh2:H,4H b2:4H / xs:N,T,D / dhs:N,T,2H",
    "StackedRNN": "input_size=5 hidden_size=6 / xs:N,T,D lengths?<L:N / dhs:N,T,H dh_last?:I,N,H",
    "StackedGRU": "input_size=5 hidden_size=6 / xs:N,T,D lengths?<L:N / dhs:N,T,H dh_last?:I,N,H",
    "StackedLSTM": "input_size=5 hidden_size=6 / xs:N,T,D lengths?<L:N / "
    "dhs:N,T,H dh_last?:I,N,H dc_last?:I,N,H",
    "TimeEmbedding": "W:V,D / xs<V:N,T / dout:N,T,D",
    "TimeAffine": "W:D,H b:H / x:N,T,D / dout:N,T,H",
    "TimeDropout": "dropout_ratio=0.3 / xs:N,T,D / dout:N,T,D",
    "TimeSoftmaxWithLoss": "/ xs:N,T,V ts<V:N,T / dout=2.0",
    "TimeAffineSoftmaxWithLoss": "W:D,V b:V / xs:N,T,D ts<V:N,T / dout=2.0",
    "TimeSigmoidWithLoss": "/ xs:N,T ts%:N,T / dout=2.0",
    "Simple_TimeSoftmaxWithLoss": "/ xs:N,T,V ts<V:N,T / dout=2.0",
    "Simple_TimeAffine": "W:D,H b:H / xs:N,T,D / dout:N,T,H",
    "WeightSum": "/ hs:N,T,H a:N,T / dc:N,H",
    "AttentionWeight": "/ hs:N,T,H h:N,H / da:N,T",
    "Attention": "/ hs:N,T,H h:N,H / dout:N,H",
    "TimeAttention": "/ hs_enc:N,E,H hs_dec:N,T,H / dout:N,T,H",
}
OPTIMIZERS = {
    name: f"{scalars} / params!:[D,H;H] grads:[D,H;H]"
    for name, scalars in {
        "SGD": "lr=0.1",
        "Momentum": "lr=0.1 momentum=0.9",
        "Nesterov": "lr=0.1 momentum=0.9",
        "AdaGrad": "lr=0.1",
        "RMSprop": "lr=0.1 decay_rate=0.9",
        "Adam": "lr=0.1 beta1=0.9 beta2=0.99",
        "AdamW": "lr=0.1 beta1=0.9 beta2=0.99 weight_decay=0.1",
        "SparseSGD": "lr=0.1",
        "SparseMomentum": "lr=0.1 momentum=0.9",
        "SparseAdaGrad": "lr=0.1",
        "RowWiseAdaGrad": "lr=0.1",
        "LazyAdam": "lr=0.1 beta1=0.9 beta2=0.99",
    }.items()
}
FUNCTIONS = {
    "sigmoid": "x:N,D",
    "softmax": "x:N,V",
    "cross_entropy_error": "y:N,V t<V:N",
    "clip_grads": "grads!:[D,H;H] max_norm=0.5",
    "remove_duplicate": "params:[D,H;H] grads:[D,H;H]",
}
# of these there is no other version: an array that lies otherwise gives what its plain copy gives
HELPERS = {
    "RowSparse": "rows<V:N values:N,D shape=(7,5)",
    "UnigramSampler": "corpus<V:V power=0.75 sample_size=2",
    "preprocess": "text='you say .'",
    "create_contexts_target": "corpus<V:V window_size=1",
    "convert_one_hot": "corpus<V:N vocab_size=7",
    "create_co_matrix": "corpus<V:V vocab_size=7 window_size=1",
    "ppmi": "C<V:V,V",
    "cos_similarity": "x:D y:D",
    "normalize": "x!:N,D",
    "relu": "x:N,D",
}
# a vector for each word, the rows that are nearest to some queries
VECTORS = {"WordVectors": "vectors:V,D queries:N,D k=2"}
# rows in fewer bits
QUANTIZED = {"QuantizedTable": "W:V,D idx<V:N"}
# no arrays among their arguments, or a model: tests of their own
ELSEWHERE = set("analogy eval_perplexity eval_seq2seq most_similar to_cpu to_gpu".split())
FILES = {*vectors.__all__, *exchange.__all__, *tables.__all__, *word2vec.__all__}
FILES -= {*VECTORS, *QUANTIZED}
# sums over so long an axis of a view are no error: they would take years
ENDLESS = {"matmul": "D", "affine": "D", "affine_backward": "NH", "linear_cross_entropy": "D"}
MODULES = {"np", "os", "sys", "GPU", "time"}


def test_every_public_name_has_a_row():
    assert set(OPS) == set(ops.__all__)
    modules = layers, time_layers, recurrent_layers, attention, sparse
    names = {name for module in modules for name in module.__all__}
    names |= {*functions.__all__, *util.__all__, "remove_duplicate"} - MODULES
    assert names - MODULES == {*LAYERS, *FUNCTIONS, *HELPERS, *ELSEWHERE}
    assert FILES == {
        *("FORMATS", "Fit", "load", "save", "export_onnx", "from_torch", "to_torch"),
        *("create", "open", "flush", "release", "quantize", "Word2Vec"),
    }
    assert set(OPTIMIZERS) == set(optimizer.__all__) - MODULES


# ---- good arguments


@cache
def parse(row):
    """The arguments of a row: name, kind (float, ids, bits, value or cache), written, shapes."""
    found = {}
    for word in row.replace("/", " ").split() if "'" not in row else [row]:
        name, mark, rest = re.match(r"(\w+)([!?:=@<%]+)(.*)", word).groups()
        arg = SimpleNamespace(
            name=name, written="!" in mark, optional="?" in mark, many=None, given=rest, bound=0
        )
        kinds = {"=": "value", "@": "cache", "<": "ids", "%": "bits"}
        arg.kind = next((kind for sign, kind in kinds.items() if sign in mark), "floats")
        if arg.kind == "value":
            arg.given = eval(rest)
        elif arg.kind != "cache":
            head, _, shapes = word.rpartition(":")
            arg.bound = SIZES.get(head[-1], 0) if arg.kind == "ids" else 2
            arg.many = list if shapes[0] == "[" else tuple if ";" in shapes else None
            arg.given = [shape.split(",") for shape in shapes.strip("[]").split(";")]
        found[name] = arg
    return found


def length(axis):
    return int(axis[:-1] or 1) * SIZES[axis[-1]]


def build(args, dtype):
    """Good arguments by name."""
    rng, made = np.random.default_rng(3), {}
    for arg in args.values():
        if arg.kind == "value":
            made[arg.name] = arg.given
        elif arg.kind == "cache":
            of = parse(OPS[arg.given])
            made[arg.name] = tuple(build(of, dtype).items())  # see call_op
        else:
            shapes = [tuple(map(length, shape)) for shape in arg.given]
            if arg.kind == "floats":
                kind = np.dtype("d") if arg.name == "p" else dtype
                arrays = [(rng.random(shape) + 0.1).astype(kind) for shape in shapes]
            else:
                arrays = [rng.integers(0, arg.bound, shape) for shape in shapes]
            if arg.name == "corpus":
                arrays = [np.arange(arg.bound)]
            if arg.name == "offsets":
                arrays = [np.array([0, 0, 2])]
            made[arg.name] = arg.many(arrays) if arg.many else arrays[0]
    return made


# ---- calls


@cache
def parameters(function):
    return inspect.signature(function).parameters


def call_op(module, row, name, values):
    np.random.seed(1)
    values = dict(values)
    if type(values.get("cache")) is tuple:
        source = row.split("cache@")[1].split()[0]
        values["cache"] = getattr(module, source)(**dict(values["cache"]))[-1]
    function = getattr(module, name)
    if module is reference:
        out = values.get("out")
        values = {k: v for k, v in values.items() if k in parameters(function)}
        if out is not None and "out" not in values:
            result = function(**values)
            for place, value in zip(out, result[-len(out) :], strict=True):
                place[...] = value
            return result
    result = function(**values)
    return result[:-1] if name in RECURRENT else result


def call_layer(module, row, name, values):
    np.random.seed(1)
    made, given, back = ([values[arg] for arg in parse(part)] for part in row.split("/"))
    if not hasattr(module, name):  # the output layer and the loss in one
        return call_pair(module, made, given, back)
    layer = getattr(module, name)(*made)
    out = layer.forward(*given)
    dx = layer.backward(*back)
    return out, dx, layer.grads if hasattr(layer, "grads") else (layer.dW, layer.db)


def call_pair(module, made, given, back):
    affine, loss = module.TimeAffine(*made), module.TimeSoftmaxWithLoss()
    out = loss.forward(affine.forward(given[0]), given[1])
    return out, affine.backward(loss.backward(*back)), affine.grads


def call_optimizer(module, row, name, values):
    made, given = ([values[arg] for arg in parse(part)] for part in row.split("/"))
    step = getattr(module, name)(*made)
    step.update(*given)
    step.update(*given)


def call_function(module, row, name, values):
    np.random.seed(1)
    if name == "UnigramSampler":
        sampler = module.UnigramSampler(**values)
        return sampler.word_p, sampler.get_negative_sample(np.arange(3))
    if name == "RowSparse":
        grad = module.RowSparse(**values)
        return grad.rows, grad.values, grad.to_dense()
    return getattr(module, name)(**values)


def call_vectors(module, row, name, values):
    words = list(map(str, range(len(values["vectors"]))))
    return module.WordVectors(words, values["vectors"]).nearest(values["queries"], values["k"])


def call_quantized(module, row, name, values):
    table = module.quantize(values["W"], "int8")
    return table.values, table.scales, table.gather(values["idx"])


def names_of(*modules):
    """All their names; of those that several have, the first one's."""
    return SimpleNamespace(**{n: getattr(m, n) for m in reversed(modules) for n in dir(m)})


FAST = names_of(attention, recurrent_layers, time_layers, layers, functions, util, trainer, sparse)
SLOW = names_of(slow_layers, slow_training, slow_recurrent)
TABLES = {
    "ops": (OPS, call_op, ops, reference),
    "layers": (LAYERS, call_layer, FAST, SLOW),
    "optimizers": (OPTIMIZERS, call_optimizer, optimizer, slow_training),
    "functions": (FUNCTIONS, call_function, FAST, SLOW),
    "vectors": (VECTORS, call_vectors, vectors, vectors),
    "tables": (QUANTIZED, call_quantized, tables, tables),
    "helpers": (HELPERS, call_function, FAST, FAST),
}


def cases():
    """Table and name -> row, our function, the slow one."""
    for table, (rows, call, *modules) in TABLES.items():
        for name, row in rows.items():
            yield table, name, row, *(partial(call, module, row, name) for module in modules)


# ---- what is tried instead of a good argument

SAME, ERROR, EITHER = "the same result", "an error that names it", "a result or an error"


class List:
    """Stands for a list of the array's numbers, until the call."""

    def __init__(self, array):
        self.array = array


class Matter:
    """Something with ``__array__``."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)


def lying_otherwise(a):
    """The same numbers elsewhere in memory."""
    for layout in ("F", "strided", "reversed", "steps"):
        yield layout, lay(a, layout)
    yield "byte-swapped", swapped(a)
    yield "unaligned", unaligned(a)
    yield "of a subclass", a.copy().view(np.memmap)
    if a.ndim == 2:
        yield "a matrix", a.copy().view(np.matrix)


def of_other_shapes(a):
    for axis in range(a.ndim):
        yield f"one less on axis {axis}", np.delete(a, 0, axis)
        yield f"one more on axis {axis}", np.concatenate([a, a.take([0], axis)], axis)
        yield f"nothing on axis {axis}", a.take([], axis)
    yield "an axis more", a[np.newaxis]
    yield "an axis more behind", a[..., np.newaxis]
    yield "an axis less", a[0].copy() if a.ndim else a
    yield "no axis", a.reshape(-1)[0].reshape(()).copy()


NO_ARRAYS = [None, "text", object(), {}, {1}, [[1.0, 2.0], [3.0]], len, b"\1", ..., [None], 1 + 1j]


def variants(a, arg):
    """What is tried instead of array a: a description, the thing, what is expected."""
    ids = arg.kind != "floats"
    for label, other in lying_otherwise(a):
        yield label, other, SAME
    locked = a.copy()
    locked.flags.writeable = False
    yield "read-only", locked, ERROR if arg.written else SAME
    for label, other in of_other_shapes(a):
        yield label, other, EITHER
    for axis in range(a.ndim):
        shape = list(a.shape)
        shape[axis] += HUGE
        one = a.take([0], axis)
        if not ids:  # so many ids would be read for years
            yield f"huge on axis {axis}", np.broadcast_to(one, shape), EITHER
        if arg.written and a.shape[axis] > 1:
            strides = list(a.strides)
            strides[axis] = 0
            yield f"overlaps itself on axis {axis}", as_strided(a.copy(), a.shape, strides), ERROR
    for thing in NO_ARRAYS:
        yield f"{thing!r:.20}", thing, EITHER if thing is None and arg.optional else ERROR
    yield "as a list", List(a), ERROR if arg.written else EITHER
    yield "__array__", Matter(a), ERROR if arg.written else EITHER
    yield "without a mask", np.ma.masked_array(a.copy()), EITHER
    yield (
        "with a mask",
        np.ma.masked_array(a.copy(), np.arange(a.size).reshape(a.shape) == 0),
        ERROR,
    )
    wrong = ["M8[s]", "O", "U3", "c16", "g", "V8"] + (["?", "f", "d"] if ids else ["e", "i8", "u1"])
    for dtype in wrong:
        if not (arg.kind == "bits" and dtype == "?"):
            array = a.astype(dtype) if dtype != "V8" else np.zeros(a.shape, "V8")
            yield f"of dtype {dtype}", array, EITHER if dtype == "O" and ids else ERROR
    if not ids:
        yield "the other float", a.astype("d" if a.dtype == "f" else "f"), EITHER
        for value in (np.nan, np.inf, -np.inf, 1e3, np.finfo(a.dtype).tiny, np.finfo(a.dtype).max):
            other = a.copy()
            other.reshape(-1)[0] = value
            yield f"with {value}" if value < 1e9 else "with a huge number", other, EITHER
        yield "infinite", np.full_like(a, -np.inf), EITHER
        return
    for dtype in "bhiqBHIQ":
        yield f"of dtype {dtype}", a.astype(dtype), SAME
    for value, dtype in ((arg.bound, "q"), (-arg.bound - 1, "i"), (2**40, "q"), (-(2**63), "q"),
                         (2**32, "q"), (2**63 + 1, "Q"), (2**64 - 1, "Q")):  # fmt: skip
        other = a.astype(dtype)
        other.reshape(-1)[-1] = value
        yield f"with {value}", other, ERROR
    if arg.kind == "ids":
        yield "with -2", np.where(a == a.flat[0], -2, a), EITHER


NO_NUMBERS = ["0.1", None, [0.1], np.array([0.1, 2]), 1j, object(), {}, np.datetime64("nat", "s")]
ODD_NUMBERS = [0, 1, -1, 1.5, np.float32(0.5), np.int8(3), np.array(2.0), np.nan, np.inf]


def spots(arg, value):
    """The arrays of an argument: how to put another one in its place."""
    if arg.many is None:
        return [(value, lambda other: other)]
    return [
        (a, lambda other, k=k: arg.many(value[:k]) + arg.many([other]) + arg.many(value[k + 1 :]))
        for k, a in enumerate(value)
    ]


def overlapping(args, good):
    """Arguments of which one that is written shares memory with another one, wholly or partly."""
    for out in (arg for arg in args.values() if arg.written):
        for k, (a, put) in enumerate(spots(out, good[out.name])):
            others = [(arg, j) for arg in args.values() if arg.kind not in ("value", "cache")
                      for j in range(len(spots(arg, good[arg.name])))]  # fmt: skip
            for other, j in others:
                if (other.name, j) == (out.name, k):
                    continue
                for shift in (0, 8, -8):
                    values = copy.deepcopy(good)
                    b, put_other = spots(other, values[other.name])[j]
                    memory = np.zeros(a.nbytes + b.nbytes + 16, np.uint8)
                    start = max(0, shift)
                    place = memory[start : start + a.nbytes].view(a.dtype).reshape(a.shape)
                    start = max(0, -shift)
                    their = memory[start : start + b.nbytes].view(b.dtype).reshape(b.shape)
                    place[...] = a
                    their[...] = b
                    values[other.name] = put_other(their)
                    _, put = spots(out, values[out.name])[k]
                    values[out.name] = put(place)
                    where = f"{out.name} overlaps {other.name} by {shift}"
                    huge = " (as huge)" if other.many is list else ""  # no error: NumPy takes it
                    yield where + huge, out, values


def inputs(name, args, good):
    """Everything that is tried: a description, the changed argument, all arguments, expectation."""
    for arg in args.values():
        if arg.given is True:
            continue  # anything is true or false
        if arg.kind == "value":
            for value in NO_NUMBERS:
                expected = EITHER if value is None and arg.optional else ERROR
                yield f"{arg.name}={value!r}", arg, good | {arg.name: value}, expected
            for value in ODD_NUMBERS:
                yield f"{arg.name}={value!r}", arg, good | {arg.name: value}, EITHER
            yield f"{arg.name} huge", arg, good | {arg.name: 10**12}, EITHER
            continue
        if arg.kind == "cache":
            for value in (None, 3, "text", np.ones(3)):
                yield f"{arg.name}={value!r}", arg, good | {arg.name: value}, ERROR
            continue
        for a, put in spots(arg, good[arg.name]):
            for label, other, expected in variants(a, arg):
                yield f"{arg.name} {label}", arg, good | {arg.name: put(other)}, expected
        if arg.many:
            for value in (None, 3, "text", arg.many([])):
                yield f"{arg.name}={value!r}", arg, good | {arg.name: value}, EITHER
    for label, arg, values in overlapping(args, good):
        yield label, arg, values, EITHER if arg.many is list else ERROR
    for axis in set("NTDHVKE") - set(
        ENDLESS.get(name, "")
    ):  # the same axis of all arguments, of views without memory
        values = dict(good)
        for arg in args.values():
            if arg.kind != "floats":
                continue
            many = []
            for (a, _), shape in zip(spots(arg, good[arg.name]), arg.given, strict=True):
                where = [k for k, letters in enumerate(shape) if letters[-1] == axis]
                for k in where[:1]:
                    size = list(a.shape)
                    size[k] = length(shape[k]) // SIZES[axis] * (SIZES[axis] + HUGE // 16)
                    a = np.broadcast_to(a.take([0], k), size)
                many.append(a)
            values[arg.name] = arg.many(many) if arg.many else many[0]
        if any(values[name] is not good[name] for name in good):
            yield f"huge {axis}", None, values, EITHER


# ---- trying, and what comes of it


def leaves(value):
    """Arrays and numbers in tuples and lists."""
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in leaves(part)]
    return [value] if isinstance(value, np.ndarray | np.generic | int | float) else []


def each_leaf(change, value):
    if type(value) in (list, tuple):
        return type(value)(each_leaf(change, part) for part in value)
    return change(value)


def plain(value):
    """The array as everybody's code takes it: native, in C order, no subclass."""
    if isinstance(value, Matter | List):
        value = np.array(value.array.tolist()) if isinstance(value, List) else value.array
    if not isinstance(value, np.ndarray) or value.dtype.hasobject:
        return value
    return np.array(np.asarray(value), value.dtype.newbyteorder("="), order="C")


def content(value):
    """Bits of everything that was handed over, to see whether they have changed."""
    return [np.asarray(leaf).tobytes() for leaf in leaves(value) if np.asarray(leaf).nbytes < 1e6]


def attempt(call, args, values):
    """Results, those that are written among them, or the error."""
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        try:
            result = leaves(call(values))
        except Exception as error:
            return error
    written = [values[arg.name] for arg in args.values() if arg.written]
    return [np.asarray(leaf) for leaf in result + leaves(written)]


def disagreement(found, wanted, values):
    """How two lists of results differ beyond rounding; None if they do not.

    What plain code has as infinite may be finite, what it has as NaN may be infinite.
    """
    single = any(
        np.asarray(leaf).dtype.str[1:] == "f4" for leaf in leaves([*values.values(), found])
    )
    tolerance = 2e-4 if single else 1e-9
    for k, (a, b) in enumerate(zip(found, wanted, strict=True)):
        if a.dtype.kind not in "biufcO":
            continue
        x, y = a.astype("c16"), b.astype("c16")  # from objects, too
        good = a.shape == b.shape and not (np.isnan(y) & np.isfinite(x)).any()
        if good:
            x, y = x[np.isfinite(y)], y[np.isfinite(y)]
        if not good or not np.allclose(x, y, rtol=tolerance, atol=tolerance):
            return f"result {k}: {a!r:.90} instead of {b!r:.90}".replace("\n", "")


ERRORS = (TypeError, ValueError, IndexError, OverflowError, MemoryError)


def judge(table, args, call, slow, good, case):
    """What is wrong with the outcome of one input; None if nothing is.

    Layers, optimizers and helpers hand to NumPy what the ops do not take: errors are NumPy's then.
    """
    label, arg, values, expected = case
    strict = table == "ops"
    mine = {id(leaf) for leaf in leaves(list(good.values()))}
    values = each_leaf_of(lambda v: v.copy() if id(v) in mine and hasattr(v, "copy") else v, values)
    plainly = None if "huge" in label else each_leaf_of(plain, values)
    values = each_leaf_of(lambda v: v.array.tolist() if isinstance(v, List) else v, values)
    before = {name: content([value]) for name, value in values.items()}
    found = attempt(call, args, values)
    for name, value in values.items():
        if content([value]) != before[name]:
            if not args[name].written or strict and isinstance(found, Exception):
                return f"{name} was changed: {found!r}"
    by_name = expected == ERROR and strict
    if by_name and not isinstance(found, Exception):
        return "no error"
    compared = strict or expected == SAME or " with " in label or " other " in label
    if "mask" in label and not strict:
        compared = False  # NumPy's business where an op does not take it
    if "huge" in label or not compared and not isinstance(found, Exception):
        wanted = found if not isinstance(found, Exception) else None
    else:
        wanted = attempt(slow, args, plainly)
    if not isinstance(found, Exception):
        if isinstance(wanted, Exception):
            without = "zero-size" in str(wanted) or "None" in label and arg.optional
            return strict and not without and f"a result, no {wanted!r}"
        return disagreement(found, wanted, values)
    if isinstance(found, MemoryError):
        return None
    if not strict and (
        isinstance(wanted, type(found)) or isinstance(found, AttributeError | RuntimeError)
    ):
        return None  # plain code has it too, there is no array, or nothing was kept
    if expected == SAME and (strict or "matrix" not in label) or not isinstance(found, ERRORS):
        return repr(found)
    names = [arg.name] if by_name else args if strict else None
    if names and not any(re.search(rf"\b{name}\b", str(found)) for name in names):
        return f"no name in {found!r}"


def each_leaf_of(change, values):
    return {name: each_leaf(change, value) for name, value in values.items()}


def survey(table, name, row, call, slow, dtype):
    """Every input of a row: how many, and what is wrong."""
    args = parse(row)
    good = build(args, dtype)
    wrong, count = [], 0
    for case in inputs(name, args, good):
        if table != "ops" and "huge" in case[0]:
            continue  # NumPy would work on it for years, as plain code would
        count += 1
        problem = judge(table, args, call, slow, good, case)
        if problem:
            wrong.append(f"{name}: {case[0]}: expected {case[3]}: {problem:.300}")
    return count, wrong


@pytest.mark.parametrize("dtype", "fd")
@pytest.mark.parametrize("case", list(cases()), ids=lambda case: "-".join(case[:2]))
def test_bad_input(case, dtype):
    count, wrong = survey(*case, np.dtype(dtype))
    assert count > 10 and not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(wrong)


if __name__ == "__main__":
    total = 0
    for case in cases():
        counts = [survey(*case, np.dtype(dtype))[0] for dtype in "fd"]
        total += sum(counts)
        print(*case[:2], *counts)
    print("all", total)
