"""What a probe tries, made from the rows of `known`: small inputs, and what code relies on.

A scenario is a title and ``work(run)``, which works with the class or function in a ``Run`` and
shows it what it sees: the same with the user's code and with the accelerated version.
"""

import functools
import inspect
from dataclasses import dataclass
from itertools import islice

import numpy as np

from fastembed.dropin.alike import freeze, places, same_bits

# more than the numbers that may stand in code, and no two alike
SIZES = {"V": 11, "D": 8, "H": 7, "N": 6, "T": 10, "S": 9, "C": 40}
RAISES = "raises"


class _Model:
    params, grads = (), ()


# arguments of constructors that are no parameters, by their names in our class
ARGUMENTS = {
    "corpus": lambda run: run.rng.integers(0, SIZES["V"], 200),
    "power": lambda run: 0.75,
    "sample_size": lambda run: 3,
    "model": lambda run: _Model(),
    "optimizer": lambda run: None,
}


class Run:
    """What one scenario sees, in order: (what, value).

    ``methods`` are those that stand for the ones of the class; the others are its own.
    """

    def __init__(self, known, subject, methods=()):
        self.known, self.subject, self.methods, self.last = known, subject, methods, (None, None)
        self.rng = np.random.default_rng(7)
        self.rows = []

    # ---- inputs

    def normal(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def shape(self, letters, **sizes):
        """The shape that letters stand for: "N 4H" is (6, 28)."""
        sizes = {**SIZES, **sizes}
        return [int(part[:-1] or 1) * sizes[part[-1]] for part in letters.split()]

    def inputs(self, **sizes):
        """New inputs of the known class or function."""
        made = []
        for kind in self.known.inputs:
            shape = self.shape(kind.shape, **sizes)
            end = SIZES.get(kind.end) or int(kind.end or 0)
            made.append(self.rng.integers(0, end, shape) if end else self.normal(*shape))
        return made

    def new(self):
        """A new object of the class, made as one of ours would be."""
        arguments, shapes = [], iter(self.known.params or ("V D",))
        for parameter in inspect.signature(self.known.ours()).parameters.values():
            if parameter.name in ARGUMENTS:
                arguments.append(ARGUMENTS[parameter.name](self))
            elif parameter.default is parameter.empty:
                arguments += [self.normal(*self.shape(shape)) for shape in islice(shapes, 1)]
        layer = self.subject(*arguments)
        for grad in getattr(layer, "grads", ()):
            grad[...] = 7  # whatever a buffer holds, backward overwrites it
        if hasattr(layer, "train_flg"):
            layer.train_flg = True
        return layer

    # ---- what is seen

    def see(self, what, value):
        self.rows.append((what, freeze(value)))

    def call(self, what, function, *arguments):
        """Call; show the result, and whether an argument was changed."""
        before = freeze(list(arguments))
        try:
            out = function(*arguments)
        except Exception as error:
            self.see(f"{what} {RAISES}", type(error).__name__)
            raise
        self.see(f"what {what} returns", out)
        for k, (old, new) in enumerate(zip(before, arguments, strict=True)):
            self.see(f"argument {k + 1} after {what}", None if same_bits(old, new) else freeze(new))
            self.see(f"whether {what} returns argument {k + 1}", out is new)
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

    def forward(self, layer, *inputs):
        out = self.do(layer, "forward", *inputs)
        self.attributes(layer, self.known.writes)
        return out

    def backward(self, layer, *gradient):
        kept = list(layer.grads)
        self.do(layer, "backward", *gradient)
        self.see("which arrays of grads stay", places(layer.grads, kept))
        for k, grad in enumerate(layer.grads):
            self.see(f"grads[{k}]", grad)
        self.attributes(layer, self.known.backward_writes)

    def step(self, layer, dtype=np.float32, change=None, **sizes):
        """One forward and backward, everything shown; returns the gradient of the output."""
        out = self.forward(layer, *self.inputs(**sizes))
        gradient = () if self.known.loss else (self.normal(*out.shape).astype(dtype),)
        if change is not None and isinstance(out, np.ndarray):
            out *= change
        self.backward(layer, *gradient)
        return gradient


@dataclass(frozen=True)
class Scenario:
    """One thing to try. ``accelerated``: ours must have done it without falling back."""

    title: str
    work: object
    accelerated: bool = True


def scenarios(known):
    """What to try on a class or function that may be the known one."""
    if "forward" not in known.methods:
        return OTHERS[known.methods[0] if known.methods else known.name]
    found = [
        Scenario("training steps", _training),
        Scenario("one row, one time step", lambda run: run.step(run.new(), N=1, T=1, S=1)),
        Scenario("large inputs", _large),
        Scenario("a float64 gradient", lambda run: run.step(run.new(), np.float64)),
        Scenario("an output that the caller changes", lambda run: run.step(run.new(), change=0.5)),
        Scenario("inputs that the caller changes", _inputs_changed),
    ]
    if known.loss:
        found.append(Scenario("a gradient other than 1", _scaled))
    if known.loss and known.inputs[1].any_axes:
        found.append(Scenario("one-hot labels", _one_hot))
    if "ignore_label" in known.reads:
        found += [
            Scenario("labels of -1", _labels(3, -1, 0, -1, -1, 10)),
            Scenario("nothing but labels of -1", _labels(-1, -1, -1, -1, -1, -1)),
            Scenario("labels below -1", _labels(3, -2, 0, -11, 1, 10)),
            Scenario("a label out of range", _labels(3, 11, 0, 1, 1, 10), accelerated=False),
        ]
    if known.inputs[0].end:
        found += [
            Scenario("duplicate and negative ids", _ids(3, -1, 3, 10, 0, -11)),
            Scenario("int32 ids", _ids(1, 2, 2, 1, dtype=np.int32)),
            Scenario("an id out of range", _ids(1, 11, 2, 2), accelerated=False),
        ]
    if known.inputs[0].end and known.inputs[0].any_axes:
        found.append(Scenario("ids with two axes", _ids(1, 2, 2, 0, 2, -1, axes=2)))
    if "dropout_ratio" in known.reads:
        found.append(Scenario("another ratio", _dropout))
    if "stateful" in known.reads:
        found += [
            Scenario("state carried over two forwards", _carried),
            Scenario("a state set on a layer that is not stateful", _without_state),
            Scenario("a state that is given", _given),
        ]
    return found


# ---- layers


def _training(run):
    """Two steps and a second backward."""
    layer = run.new()
    run.step(layer)
    run.backward(layer, *run.step(layer))


def _large(run):
    """Saturated gates, a softmax that must be stable; gradients would be rounding noise."""
    inputs = run.inputs()
    run.do(run.new(), "forward", *(100 * x if x.dtype.kind == "f" else x for x in inputs))


def _inputs_changed(run):
    layer, inputs = run.new(), run.inputs()
    out = run.forward(layer, *inputs)
    for x in inputs[: run.known.labels]:  # after other labels, the original runs
        x[...] = x[::-1].copy()
    run.backward(layer, *(() if run.known.loss else (run.normal(*out.shape),)))


def _scaled(run):
    layer = run.new()
    run.do(layer, "forward", *run.inputs())
    run.do(layer, "backward", 0.5)


def _one_hot(run):
    layer, (scores, labels) = run.new(), run.inputs()
    run.forward(layer, scores, np.eye(SIZES["V"], dtype=np.int64)[labels])
    run.do(layer, "backward")


def _labels(*labels):
    def work(run):
        layer = run.new()
        run.do(layer, "forward", run.normal(2, 3, SIZES["V"]), np.reshape(labels, (2, 3)))
        run.do(layer, "backward")

    return work


def _ids(*ids, dtype=np.int64, axes=1):
    def work(run):
        layer, fixed = run.new(), run.known.inputs[0].shape.count(" ")
        given = np.array(ids, dtype)
        out = run.do(layer, "forward", given.reshape(2, -1) if fixed or axes == 2 else given)
        run.backward(layer, run.normal(*out.shape))

    return work


def _dropout(run):
    layer = run.new()
    layer.dropout_ratio = 0.2
    (x,) = run.inputs(N=20)
    run.do(layer, "forward", x)
    run.do(layer, "backward", x)
    if "train_flg" in run.known.reads:
        layer.train_flg = False
        run.do(layer, "forward", x)
        layer.train_flg = True
        run.do(layer, "forward", x)
    else:
        run.do(layer, "forward", x, False)


# ---- recurrent layers


def _stateful(run):
    layer = run.new()
    layer.stateful = True
    return layer


def _carried(run):
    layer, states = _stateful(run), run.known.state
    run.step(layer, change=0.5)
    kept = [getattr(layer, name) for name in states]
    copies = freeze(kept)
    run.step(layer)
    run.step(layer, T=1)
    run.see("a state that the caller kept", same_bits(copies, kept))
    for name in states:
        setattr(layer, name, None)
    run.step(layer)


def _without_state(run):
    layer = run.new()
    layer.stateful = False
    layer.h = run.normal(*run.shape("N H"))
    run.step(layer)


def _given(run):
    layer, h = _stateful(run), run.normal(*run.shape("N T H"))
    before = h.copy()
    layer.h = h[:, -1]  # a view: it may be read, not written
    run.step(layer)
    run.step(layer)
    for k, name in enumerate(run.known.state):
        setattr(layer, name, h[:, k])
    run.step(layer)
    run.see("a state that was given", same_bits(before, h))


# ---- other classes


def _updates(scale, **settings):
    def work(run):
        optimizer, states = run.new(), run.known.state
        vars(optimizer).update(settings)
        params = [run.normal(7, 6), run.normal(5), run.normal(6, 7).T]
        kept = list(params)
        for k in range(4):
            grads = [np.float32(scale) * run.normal(*param.shape) for param in params]
            if k == 3:
                optimizer.lr /= 4
            lists = {name: getattr(optimizer, name) for name in states if name != "iter"}
            before = {name: list(arrays or ()) for name, arrays in lists.items()}
            run.do(optimizer, "update", params, grads)
            run.see("the parameters", params)
            run.see("the gradients", grads)
            run.attributes(optimizer, states)
            for name, old in before.items():
                new = getattr(optimizer, name)
                run.see(f"which arrays of {name} stay", [any(a is b for a in old) for b in new])
        same = all(a is b for a, b in zip(kept, params, strict=True))
        run.see("whether the arrays stay the same objects", same)

    return work


def _draws(run):
    sampler = run.new()
    run.attributes(sampler, run.known.reads)
    for _ in range(3):
        run.do(sampler, "get_negative_sample", run.rng.integers(0, SIZES["V"], 20))


def _batches(run):
    trainer = run.new()
    trainer.time_idx = 0
    xs, ts = run.rng.integers(0, SIZES["V"], (2, 23))
    for size in ((4, 5), (2, 3), (4, 5)):
        run.do(trainer, "get_batch", xs, ts, *size)
        run.see("the attribute time_idx", trainer.time_idx)


# ---- functions


def _call(*more, reshape=None, make=Run.inputs):
    def work(run):
        arguments = [*make(run), *more]
        if reshape:
            arguments[0] = arguments[0].reshape(reshape)
        run.call("it", run.subject, *arguments)
        run.see("the arguments afterwards", arguments)

    return work


def _gradients(scale):
    return lambda run: [[scale * run.normal(4, 3), scale * run.normal(5)]]


def _duplicates(run):
    W, other = run.normal(4, 3), run.normal(4, 3)
    params = [W, other, run.normal(5), W, W.T, run.normal(3, 4), other.T.copy(), W]
    grads = [run.normal(*param.shape) for param in params]
    kept = list(params), list(grads)
    new = run.call("it", run.subject, params, grads)
    for name, old, left in zip(("params", "grads"), kept, new, strict=True):
        run.see(f"which arrays of {name} are left", places(left, old))
    run.see("the gradients given", kept[1])


OTHERS = {
    "update": [
        Scenario("four updates", _updates(1.0)),
        Scenario("updates at another learning rate", _updates(1.0, lr=0.5)),
        Scenario("updates by tiny gradients", _updates(1e-6)),
        Scenario("updates by large gradients", _updates(1e3)),
    ],
    "get_negative_sample": [Scenario("seeded draws", _draws)],
    "get_batch": [Scenario("batches that wrap around the text", _batches)],
    "clip_grads": [
        Scenario("gradients above the norm", _call(0.25, make=_gradients(np.float32(3)))),
        Scenario("gradients below the norm", _call(5.0, make=_gradients(np.float32(0.01)))),
    ],
    "remove_duplicate": [Scenario("shared and tied weights", _duplicates)],
    "create_co_matrix": [
        Scenario("a window of 1", _call(11)),
        Scenario("a window of 3", _call(11, 3)),
    ],
    "create_contexts_target": [
        Scenario("a window of 1", _call()),
        Scenario("a window of 3", _call(3)),
    ],
    "convert_one_hot": [
        Scenario("ids with one axis", _call(11)),
        Scenario("ids with two axes", _call(11, reshape=(8, 5))),
    ],
    "ppmi": [Scenario("counts with zeros", _call())],
}
