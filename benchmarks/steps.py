"""Training steps of all models, which also tell the time of each layer."""

import itertools
import statistics
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from fastembed.bench import steps
from fastembed.bench.cases import Op
from fastembed.bench.steps import BATCHES, CHECKED, LANGUAGE_MODELS, row
from fastembed.reference.ops import coalesce
from fastembed.time_layers import TimeEmbedding


class Step(steps.Step):
    """One step of training at each call; returns the loss."""

    def detail(self, seconds=0.5):
        """Median seconds a step by layer: name -> seconds, forward and backward apart."""
        clock = _Clock()
        for layer in leaves(self.model):
            clock.wrap(layer, "forward", f"{_name(layer)} forward")
            clock.wrap(layer, "backward", f"{_name(layer)} backward")
        self.tools = SimpleNamespace(**vars(self.tools))
        clock.wrap(self.tools, "remove_duplicate", "shared weights")
        clock.wrap(self.tools, "clip_grads", "clip")
        clock.wrap(self.optimizer, "update", "update")
        steps, end = [], time.perf_counter() + seconds
        while len(steps) < CHECKED or time.perf_counter() < end:
            clock.spent = {}
            self()
            steps.append(clock.spent)
        return {name: statistics.median(step.get(name, 0.0) for step in steps) for name in steps[0]}


class _Clock:
    """Adds up the time spent in methods of objects, by name."""

    def __init__(self):
        self.spent = {}

    def wrap(self, owner, method, name):
        function, clock = getattr(owner, method), time.perf_counter

        def timed(*arguments, **options):
            start = clock()
            try:
                return function(*arguments, **options)
            finally:
                self.spent[name] = self.spent.get(name, 0.0) + clock() - start

        setattr(owner, method, timed)


def leaves(model):
    """The layers of a model, each once; those of its encoder and decoder among them."""
    found = {}
    for value in vars(model).values():
        for part in value if isinstance(value, list) else [value]:
            if type(part).__name__.endswith(("Encoder", "Decoder")):
                found.update((id(layer), layer) for layer in leaves(part))
            elif hasattr(part, "forward") and hasattr(part, "backward"):
                found[id(part)] = part
    return list(found.values())


def _name(layer):
    name = type(layer).__name__.lstrip("_")
    return name if name != "NegativeSampling" else "NegativeSamplingLoss"


def _words_around(d, V, H, N, window, batches):
    """Batches of words with the words around them, and a corpus in which every word occurs."""
    corpus = np.concatenate([np.arange(V), d.ids(V, 10 * V)])
    windows = d.ids(V, batches, N, 2 * window)
    return (V, H, window, corpus), list(zip(windows, d.ids(V, batches, N), strict=True))


def _contexts(d, V, H, N, window):
    return _words_around(d, V, H, N, window, BATCHES)


def _many_contexts(d, V, H, N, window):
    return _words_around(d, V, H, N, window, SPARSE_BATCHES)


def _questions(d, V, D, H, N, Te, T):
    """Batches of questions and answers."""
    questions = d.rng.integers(0, V, (BATCHES, N, Te), dtype=np.int32)
    answers = d.rng.integers(0, V, (BATCHES, N, T + 1), dtype=np.int32)
    return (V, D, H), list(zip(questions, answers, strict=True))


SPARSE_BATCHES = 200  # enough that rare words' rows have left the cache when they come again


def _sparse_embedding(d, V, D, N, T):
    return d(V, D), d.ids(V, SPARSE_BATCHES, N, T), d(N, T, D)


def _embedding_step(kind):
    """A step of one table by a row-sparse optimizer; some of its rows are compared."""

    def make(m, W, batches, dout):
        turn, head = itertools.cycle(batches), W[:100]
        if m.__name__ == "fastembed.optimizer":
            layer, update = TimeEmbedding(W, sparse=True), getattr(m, kind)().update

            def run():
                layer.forward(next(turn))
                layer.backward(dout)
                update(layer.params, layer.grads)
                return head

            return run
        update = getattr(m, kind)().update

        def slow():
            rows, values = coalesce(next(turn), dout, len(W))
            update([W], [SimpleNamespace(rows=rows, values=values)])
            return head

        return slow

    modules = {"fast": "fastembed.optimizer", "reference": "fastembed.reference.training"}
    return Op(_sparse_embedding, make, ids=("zipf",), repeats=CHECKED, **modules)


def _cbow_step(m, arguments, batches):
    np.random.seed(0)
    tools = steps.kit(m)
    sparse = {"sparse": True} if m.__name__ == "fastembed.models" else {}
    return Step(tools, m.CBOW(*arguments, **sparse), tools.SGD(), batches, None)


OPS = {
    f"{model} step": row(model, draw, *how, Step, ("",) if draw is _questions else ("zipf",))
    for model, draw, *how in (
        *LANGUAGE_MODELS,
        ("CBOW", _contexts, ("Adam",), None),
        ("SkipGram", _contexts, ("Adam",), None),
        ("Seq2seq", _questions, ("Adam",), 5.0),
        ("PeekySeq2seq", _questions, ("Adam",), 5.0),
        ("AttentionSeq2seq", _questions, ("Adam",), 5.0),
    )
}
OPS |= {f"sparse {kind} step": _embedding_step(kind) for kind in ("SparseSGD", "LazyAdam")}
OPS["sparse CBOW step"] = replace(
    OPS["CBOW step"], draw=_many_contexts, make=_cbow_step, sizes={"V": 30, "window": 2}
)
