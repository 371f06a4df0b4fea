"""Training steps of all models, which also tell the time of each layer."""

import statistics
import time
from types import SimpleNamespace

import numpy as np

from fastembed.bench import steps
from fastembed.bench.steps import BATCHES, CHECKED, LANGUAGE_MODELS, row


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


def _contexts(d, V, H, N, window):
    """Batches of words with the words around them, and a corpus in which every word occurs."""
    corpus = np.concatenate([np.arange(V), d.ids(V, 10 * V)])
    windows = d.ids(V, BATCHES, N, 2 * window)
    return (V, H, window, corpus), list(zip(windows, d.ids(V, BATCHES, N), strict=True))


def _questions(d, V, D, H, N, Te, T):
    """Batches of questions and answers."""
    questions = d.rng.integers(0, V, (BATCHES, N, Te), dtype=np.int32)
    answers = d.rng.integers(0, V, (BATCHES, N, T + 1), dtype=np.int32)
    return (V, D, H), list(zip(questions, answers, strict=True))


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
