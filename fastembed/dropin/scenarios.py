"""What a probe does with a class or function: small inputs that cover what code relies on.

A scenario gets a ``Run``, works with the class or function in it, and shows the run what it sees.
The same scenario on the user's code and on the accelerated version must show the same.
"""

import functools
from dataclasses import dataclass

import numpy as np

from fastembed.dropin.alike import freeze, same_bits

V, D, H, N, T = 11, 8, 5, 6, 5  # more than the numbers that may stand in code


class Stop(Exception):
    """The code under the probe raised; the run has noted what."""


class Run:
    """What one scenario sees, in order: (what, value).

    ``methods`` are those that stand for the ones of the class; the others are its own.
    """

    def __init__(self, subject, methods=()):
        self.subject, self.methods, self.last = subject, methods, (None, None)
        self.rng = np.random.default_rng(7)
        self.rows = []

    def see(self, what, value):
        self.rows.append((what, freeze(value)))

    def call(self, what, function, *arguments):
        """Call; show the result, and whether an argument was changed."""
        before = freeze(list(arguments))
        try:
            out = function(*arguments)
        except Exception as error:
            self.see(f"{what} raises", type(error).__name__)
            raise Stop from error
        self.see(f"what {what} returns", out)
        for k, (old, new) in enumerate(zip(before, arguments, strict=True)):
            self.see(f"argument {k + 1} after {what}", None if same_bits(old, new) else freeze(new))
        return out

    def do(self, layer, method, *arguments):
        """Call a method of an object; None if its class has none of that name."""
        if method not in self.methods:
            return None
        out = self.call(method, functools.partial(self.methods[method], layer), *arguments)
        if method != "backward":
            self.last = layer, out
        return out

    def attributes(self, instance, names):
        for name in names:
            if hasattr(instance, name):
                self.see(f"the attribute {name}", getattr(instance, name))

    def grads(self, layer):
        for k, grad in enumerate(layer.grads):
            self.see(f"grads[{k}]", grad)

    def normal(self, *shape, scale=1.0):
        return (scale * self.rng.standard_normal(shape)).astype(np.float32)


def large(array):
    """Values that saturate gates and tell a stable softmax from others."""
    return 100 * array if isinstance(array, np.ndarray) and array.dtype.kind == "f" else array


def wide(array):
    return array.astype(np.float64) if isinstance(array, np.ndarray) else array


@dataclass(frozen=True)
class Scenario:
    """One thing to try. ``accelerated``: ours must have done it without falling back."""

    title: str
    work: object
    accelerated: bool = True


@dataclass(frozen=True)
class Shape:
    """How to make a layer and feed it.

    ``make(run)`` gives the constructor's arguments, ``feed(run, rows, steps)`` those of forward;
    ``weigh(run, out)`` those of backward.
    """

    make: object
    feed: object
    weigh: object = None
    after_forward: tuple = ()
    after_backward: tuple = ()

    def gradient(self, run, out):
        if self.weigh is not None:
            return self.weigh(run, out)
        outs = out if isinstance(out, tuple) else (out,)
        return tuple(run.normal(*part.shape) for part in outs)


def _step(shape, run, layer, change=lambda array: array, rows=N, steps=T):
    """One forward and backward, everything shown; ``change`` is for the gradient."""
    out = run.do(layer, "forward", *shape.feed(run, rows, steps))
    run.attributes(layer, shape.after_forward)
    gradient = [change(array) for array in shape.gradient(run, out)]
    run.do(layer, "backward", *gradient)
    run.grads(layer)
    run.attributes(layer, shape.after_backward)
    return out, gradient


def _new(shape, run):
    layer = run.subject(*shape.make(run))
    for grad in layer.grads:
        grad[...] = 7  # whatever a buffer holds, backward overwrites it
    if hasattr(layer, "train_flg"):
        layer.train_flg = True
    return layer


def _usual(shape):
    def two_steps(run):
        layer = _new(shape, run)
        _step(shape, run, layer)
        _step(shape, run, layer)

    def large_inputs(run):  # forward alone: gradients of saturated gates are rounding noise
        run.do(_new(shape, run), "forward", *map(large, shape.feed(run, N, T)))

    def one(run):
        _step(shape, run, _new(shape, run), rows=1, steps=1)

    def backward_twice(run):
        layer = _new(shape, run)
        _, gradient = _step(shape, run, layer)
        run.do(layer, "backward", *gradient)
        run.grads(layer)

    def wide_gradient(run):
        _step(shape, run, _new(shape, run), wide)

    def written_into(run):
        layer = _new(shape, run)
        out = run.do(layer, "forward", *shape.feed(run, N, T))
        gradient = shape.gradient(run, out)
        for part in out if isinstance(out, tuple) else (out,):
            if isinstance(part, np.ndarray):
                part *= 0.5
        run.do(layer, "backward", *gradient)
        run.grads(layer)

    return [
        Scenario("two training steps", two_steps),
        Scenario("one row, one time step", one),
        Scenario("backward called twice", backward_twice),
        Scenario("a float64 gradient", wide_gradient),
        Scenario("an output that the caller changes", written_into),
        Scenario("large inputs", large_inputs),
    ]


# ---- layers without a time axis


def _weights(*shapes):
    return lambda run: [run.normal(*shape) for shape in shapes]


def _no_weights(run):
    return []


def _rows(*shape):
    return lambda run, rows, steps: (run.normal(rows, *shape),)


def _ones(run, out):
    return ()


MATMUL = Shape(_weights((D, H)), _rows(D), after_forward=("x",))
AFFINE = Shape(_weights((D, H), (H,)), _rows(D), after_forward=("x",))
SOFTMAX = Shape(_no_weights, _rows(V), after_forward=("out",))
SOFTMAX_LOSS = Shape(
    _no_weights,
    lambda run, rows, steps: (run.normal(rows, V), run.rng.integers(0, V, rows)),
    _ones,
    after_forward=("y", "t"),
)
DROPOUT = Shape(_no_weights, _rows(D), after_forward=("mask",))
EMBEDDING = Shape(
    _weights((V, D)),
    lambda run, rows, steps: (run.rng.integers(0, V, rows),),
    after_forward=("idx",),
)


def _ids(*ids, dtype=np.int64):
    """An embedding looked up by given ids, forward and backward."""
    ids = np.array(ids, dtype)

    def work(run):
        layer = run.subject(run.normal(V, D))
        out = run.do(layer, "forward", ids)
        run.do(layer, "backward", run.normal(*out.shape))
        run.grads(layer)

    return work


def _scaled_loss(shape):
    def work(run):
        layer = _new(shape, run)
        run.do(layer, "forward", *shape.feed(run, N, T))
        run.do(layer, "backward", 0.5)

    return work


def _one_hot(shape):
    def work(run):
        layer = _new(shape, run)
        scores, labels = shape.feed(run, N, T)
        run.do(layer, "forward", scores, np.eye(V, dtype=np.int64)[labels])
        run.attributes(layer, shape.after_forward)
        run.do(layer, "backward")

    return work


def _labels(*labels):
    def work(run):
        layer = run.subject()
        run.do(layer, "forward", run.normal(2, 3, V), np.array(labels).reshape(2, 3))
        run.do(layer, "backward")

    return work


def _dropout_ratio(run):
    layer = run.subject(0.2)
    if hasattr(layer, "train_flg"):
        layer.train_flg = True
    x = run.normal(20, D)
    run.do(layer, "forward", x)
    run.do(layer, "backward", x)


def _dropout_off(run):
    layer = run.subject(0.2)
    run.do(layer, "forward", run.normal(20, D), False)


def _time_dropout_off(run):
    layer = run.subject(0.2)
    layer.train_flg = False
    run.do(layer, "forward", run.normal(N, T, D))
    layer.train_flg = True
    run.do(layer, "forward", run.normal(N, T, D))


def _sampler(run):
    corpus = run.rng.integers(0, V, 200)
    sampler = run.subject(corpus, 0.75, 3)
    run.attributes(sampler, ("word_p", "sample_size", "vocab_size"))
    for _ in range(3):
        targets = run.rng.integers(0, V, 20)
        run.do(sampler, "get_negative_sample", targets)


NEGATIVES = Shape(
    lambda run: (run.normal(V, D), run.rng.integers(0, V, 200), 0.75, 5),
    lambda run, rows, steps: (run.normal(rows, D), run.rng.integers(0, V, rows)),
    _ones,
)

# ---- recurrent layers


def _recurrent(gates, bias=True):
    shapes = (D, gates * H), (H, gates * H), (gates * H,)
    return Shape(
        _weights(*shapes[: 2 + bias]),
        lambda run, rows, steps: (run.normal(rows, steps, D),),
        after_forward=("h",) if gates != 4 else ("h", "c"),
        after_backward=("dh",),
    )


def _stateful(shape):
    states = shape.after_forward

    def new(run, stateful):
        layer = run.subject(*shape.make(run))
        layer.stateful = stateful
        return layer

    def carried(run):
        layer = new(run, True)
        _step(shape, run, layer)
        kept = [getattr(layer, name) for name in states]
        copies = freeze(kept)
        _step(shape, run, layer)
        _step(shape, run, layer, steps=1)
        run.see("a state that the caller kept", same_bits(copies, kept))
        for name in states:
            setattr(layer, name, None)
        _step(shape, run, layer)

    def without_state(run):
        layer = new(run, False)
        layer.h = run.normal(N, H)
        _step(shape, run, layer)

    def given(run):
        layer = new(run, True)
        h = run.normal(N, 3, H)
        before = h.copy()
        layer.h = h[:, -1]  # a view: it may be read, not written
        _step(shape, run, layer)
        _step(shape, run, layer)
        for k, name in enumerate(states):
            setattr(layer, name, h[:, k])
        _step(shape, run, layer)
        run.see("a state that was given", same_bits(before, h))

    return [
        Scenario("state carried over two forwards", carried),
        Scenario("a state set on a layer that is not stateful", without_state),
        Scenario("a state that is given", given),
    ]


# ---- layers over a time axis

TIME_EMBEDDING = Shape(
    _weights((V, D)), lambda run, rows, steps: (run.rng.integers(0, V, (rows, steps)),)
)
TIME_AFFINE = Shape(
    _weights((D, H), (H,)),
    lambda run, rows, steps: (run.normal(rows, steps, D),),
    after_forward=("x",),
)
TIME_LOSS = Shape(
    _no_weights,
    lambda run, rows, steps: (
        run.normal(rows, steps, V),
        run.rng.integers(0, V, (rows, steps)),
    ),
    _ones,
    after_forward=("ignore_label",),
)
TIME_SIGMOID_LOSS = Shape(
    _no_weights,
    lambda run, rows, steps: (run.normal(rows, steps), run.rng.integers(0, 2, (rows, steps))),
    _ones,
)
TIME_DROPOUT = Shape(
    _no_weights, lambda run, rows, steps: (run.normal(rows, steps, D),), after_forward=("mask",)
)

# ---- attention

WEIGHT_SUM = Shape(
    _no_weights,
    lambda run, rows, steps: (run.normal(rows, steps, H), run.rng.random((rows, steps), "f")),
)
ATTENTION_WEIGHT = Shape(
    _no_weights, lambda run, rows, steps: (run.normal(rows, steps, H), run.normal(rows, H))
)
ATTENTION = Shape(_no_weights, ATTENTION_WEIGHT.feed, after_forward=("attention_weight",))
TIME_ATTENTION = Shape(
    _no_weights,
    lambda run, rows, steps: (run.normal(rows, steps + 2, H), run.normal(rows, steps, H)),
    after_forward=("attention_weights",),
)


# ---- training


def _optimizer(*states):
    lists = [name for name in states if name != "iter"]

    def update(scale, **settings):
        def work(run):
            optimizer = run.subject()
            vars(optimizer).update(settings)
            params = [run.normal(7, 6), run.normal(5), run.normal(6, 7).T]
            kept = list(params)
            for k in range(4):
                grads = [run.normal(*param.shape, scale=scale) for param in params]
                if k == 3:
                    optimizer.lr /= 4
                arrays = [list(getattr(optimizer, name) or ()) for name in lists]
                run.do(optimizer, "update", params, grads)
                run.see("the parameters", params)
                run.see("the gradients", grads)
                run.attributes(optimizer, states)
                for name, old in zip(lists, arrays, strict=True):
                    new = getattr(optimizer, name)
                    run.see(f"which arrays of {name} stay", [any(a is b for a in old) for b in new])
            run.see(
                "whether the arrays stay the same objects",
                all(a is b for a, b in zip(kept, params, strict=True)),
            )

        return work

    return [
        Scenario("four updates", update(1.0)),
        Scenario("updates at another learning rate", update(1.0, lr=0.5)),
        Scenario("updates by tiny gradients", update(1e-6)),
        Scenario("updates by large gradients", update(1e3)),
    ]


class _Model:
    params, grads = (), ()


def _batches(run):
    trainer = run.subject(_Model(), None)
    trainer.time_idx = 0
    xs, ts = run.rng.integers(0, V, 23), run.rng.integers(0, V, 23)
    for size in ((4, 5), (2, 3), (4, 5)):
        run.do(trainer, "get_batch", xs, ts, *size)
        run.see("the attribute time_idx", trainer.time_idx)


def _layer(shape, *more):
    return [*_usual(shape), *more]


_RNN, _GRU, _LSTM = _recurrent(1), _recurrent(3), _recurrent(4)
_GRU_WITHOUT_BIAS = _recurrent(3, bias=False)
_REPEATED = [
    Scenario("duplicate and negative ids", _ids(3, -1, 3, 10, 0, 3, -11)),
    Scenario("int32 ids", _ids(1, 2, 2, dtype=np.int32)),
    Scenario("an id out of range", _ids(1, V, 2), accelerated=False),
]
_REPEATED_IN_TIME = [
    Scenario("duplicate and negative ids", _ids([3, -1, 3], [3, 0, -11])),
    Scenario("int32 ids", _ids([1, 2], [2, 2], dtype=np.int32)),
    Scenario("an id out of range", _ids([1, V], [2, 2]), accelerated=False),
]

LAYER_SCENARIOS = {
    "MatMul": _layer(MATMUL),
    "Affine": _layer(AFFINE),
    "Softmax": _layer(SOFTMAX),
    "SoftmaxWithLoss": _layer(
        SOFTMAX_LOSS,
        Scenario("a gradient other than 1", _scaled_loss(SOFTMAX_LOSS)),
        Scenario("one-hot labels", _one_hot(SOFTMAX_LOSS)),
    ),
    "Dropout": [
        *_usual(DROPOUT),
        Scenario("another ratio", _dropout_ratio),
        Scenario("no training", _dropout_off),
    ],
    "Embedding": _layer(
        EMBEDDING, *_REPEATED, Scenario("ids with two axes", _ids([1, 2, 2], [0, 2, -1]))
    ),
    "UnigramSampler": [Scenario("seeded draws", _sampler)],
    "NegativeSamplingLoss": _layer(
        NEGATIVES, Scenario("a gradient other than 1", _scaled_loss(NEGATIVES))
    ),
    "TimeRNN": _layer(_RNN, *_stateful(_RNN)),
    "TimeGRU": _layer(_GRU, *_stateful(_GRU)),
    "TimeGRU without bias": _layer(_GRU_WITHOUT_BIAS, *_stateful(_GRU_WITHOUT_BIAS)),
    "TimeLSTM": _layer(_LSTM, *_stateful(_LSTM)),
    "TimeEmbedding": _layer(TIME_EMBEDDING, *_REPEATED_IN_TIME),
    "TimeAffine": _layer(TIME_AFFINE),
    "TimeDropout": [
        *_usual(TIME_DROPOUT),
        Scenario("another ratio", _dropout_ratio),
        Scenario("no training", _time_dropout_off),
    ],
    "TimeSoftmaxWithLoss": _layer(
        TIME_LOSS,
        Scenario("a gradient other than 1", _scaled_loss(TIME_LOSS)),
        Scenario("one-hot labels", _one_hot(TIME_LOSS)),
        Scenario("labels of -1", _labels(3, -1, 0, -1, -1, 10)),
        Scenario("nothing but labels of -1", _labels(-1, -1, -1, -1, -1, -1)),
        Scenario("labels below -1", _labels(3, -2, 0, -11, 1, 10)),
        Scenario("a label out of range", _labels(3, V, 0, 1, 1, 10), accelerated=False),
    ),
    "TimeSigmoidWithLoss": _layer(
        TIME_SIGMOID_LOSS, Scenario("a gradient other than 1", _scaled_loss(TIME_SIGMOID_LOSS))
    ),
    "WeightSum": _layer(WEIGHT_SUM),
    "AttentionWeight": _layer(ATTENTION_WEIGHT),
    "Attention": _layer(ATTENTION),
    "TimeAttention": _layer(TIME_ATTENTION),
    "SGD": _optimizer(),
    "Momentum": _optimizer("v"),
    "Nesterov": _optimizer("v"),
    "AdaGrad": _optimizer("h"),
    "RMSprop": _optimizer("h"),
    "Adam": _optimizer("iter", "m", "v"),
    "RnnlmTrainer": [Scenario("batches that wrap around the text", _batches)],
}


# ---- functions


def _call(*arguments):
    """Call the function on what each of the given functions makes out of a run."""

    def work(run):
        made = [make(run) if callable(make) else make for make in arguments]
        run.call("it", run.subject, *made)
        run.see("the arguments afterwards", made)

    return work


def _duplicates(run):
    W, other = run.normal(4, 3), run.normal(4, 3)
    params = [W, other, run.normal(5), W, W.T, run.normal(3, 4), other.T.copy(), W]
    grads = [run.normal(*param.shape) for param in params]
    kept = list(params), list(grads)
    new_params, new_grads = run.call("it", run.subject, params, grads)
    for name, old, new in (("params", kept[0], new_params), ("grads", kept[1], new_grads)):
        where = [next((k for k, a in enumerate(old) if a is b), None) for b in new]
        run.see(f"which arrays of {name} are left", where)
    run.see("the gradients given", kept[1])


def _gradients(scale):
    return lambda run: [run.normal(4, 3, scale=scale), run.normal(5, scale=scale)]


def _corpus(run):
    return run.rng.integers(0, V, 40)


FUNCTION_SCENARIOS = {
    "clip_grads": [
        Scenario("gradients above the norm", _call(_gradients(3.0), 0.25)),
        Scenario("gradients below the norm", _call(_gradients(0.01), 5.0)),
    ],
    "remove_duplicate": [Scenario("shared and tied weights", _duplicates)],
    "create_co_matrix": [
        Scenario("a window of 1", _call(_corpus, V)),
        Scenario("a window of 3", _call(_corpus, V, 3)),
    ],
    "create_contexts_target": [
        Scenario("a window of 1", _call(_corpus)),
        Scenario("a window of 3", _call(_corpus, 3)),
    ],
    "convert_one_hot": [
        Scenario("ids with one axis", _call(_corpus, V)),
        Scenario("ids with two axes", _call(lambda run: _corpus(run).reshape(8, 5), V)),
    ],
    "ppmi": [
        Scenario(
            "counts with zeros",
            _call(lambda run: np.maximum(0, run.rng.integers(-3, 5, (V, V))).astype(np.int32)),
        )
    ],
}
