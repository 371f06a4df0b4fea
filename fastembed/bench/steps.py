"""Whole training steps: forward, backward, shared weights, clipping, update."""

import statistics
import time
from types import SimpleNamespace

import numpy as np

from fastembed.bench import inputs

CHECKED = 3  # steps whose losses are compared
BATCHES = 4  # steps take them in turn


def kit(models):
    """The models' module with the optimizers and helpers that belong to it."""
    if models.__name__ == "fastembed.models":
        from fastembed import optimizer, trainer, util

        return SimpleNamespace(
            models=models,
            SGD=optimizer.SGD,
            Adam=optimizer.Adam,
            remove_duplicate=trainer.remove_duplicate,
            clip_grads=util.clip_grads,
        )
    from fastembed.reference import training

    return SimpleNamespace(
        models=models,
        SGD=training.SGD,
        Adam=training.Adam,
        remove_duplicate=training.remove_duplicate,
        clip_grads=training.clip_grads,
    )


class Step:
    """One step of training at each call; returns the loss."""

    def __init__(self, tools, model, optimizer, batches, max_grad):
        self.tools = tools
        self.model = model
        self.optimizer = optimizer
        self.batches = batches
        self.max_grad = max_grad
        self.count = 0

    def __call__(self):
        batch = self.batches[self.count % len(self.batches)]
        self.count += 1
        loss = self.model.forward(*batch)
        self.model.backward()
        params, grads = self.tools.remove_duplicate(self.model.params, self.model.grads)
        if self.max_grad is not None:
            self.tools.clip_grads(grads, self.max_grad)
        self.optimizer.update(params, grads)
        return (np.float64(loss),)

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


def words(rng, s, ids, dtype):
    """Batches of a text: words, and the words that follow them."""
    shape = BATCHES, s["N"], s["T"] + 1
    text = inputs.draw_ids(rng, ids, s["V"], shape).astype(np.int32)
    return {"batches": [(rows[:, :-1], rows[:, 1:]) for rows in text]}


def contexts(rng, s, ids, dtype):
    """Batches of words with the words around them, and a corpus in which every word occurs."""
    text = inputs.draw_ids(rng, ids, s["V"], 10 * s["V"])
    windows = inputs.draw_ids(rng, ids, s["V"], (BATCHES, s["N"], 2 * s["window"]))
    targets = inputs.draw_ids(rng, ids, s["V"], (BATCHES, s["N"]))
    return {
        "batches": list(zip(windows, targets, strict=True)),
        "corpus": np.concatenate([np.arange(s["V"]), text]),
    }


def sequences(rng, s, ids, dtype):
    """Batches of questions and answers."""
    questions = rng.integers(0, s["V"], (BATCHES, s["N"], s["Te"]), dtype=np.int32)
    answers = rng.integers(0, s["V"], (BATCHES, s["N"], s["T"] + 1), dtype=np.int32)
    return {"batches": list(zip(questions, answers, strict=True))}


def rnnlm(m, x):
    return _language_model(m, m.Rnnlm, x)


def better_rnnlm(m, x):
    return _language_model(m, m.BetterRnnlm, x)


def _language_model(m, model, x):
    s, tools = x["sizes"], kit(m)
    np.random.seed(0)
    return Step(tools, model(s["V"], s["D"], s["H"]), tools.SGD(1.0), x["batches"], 0.25)


def cbow(m, x):
    return _word_vectors(m, m.CBOW, x)


def skip_gram(m, x):
    return _word_vectors(m, m.SkipGram, x)


def _word_vectors(m, model, x):
    s, tools = x["sizes"], kit(m)
    np.random.seed(0)
    model = model(s["V"], s["H"], s["window"], x["corpus"])
    return Step(tools, model, tools.Adam(), x["batches"], None)


def seq2seq(m, x):
    return _sequences(m, m.Seq2seq, x)


def peeky_seq2seq(m, x):
    return _sequences(m, m.PeekySeq2seq, x)


def attention_seq2seq(m, x):
    return _sequences(m, m.AttentionSeq2seq, x)


def _sequences(m, model, x):
    s, tools = x["sizes"], kit(m)
    np.random.seed(0)
    return Step(tools, model(s["V"], s["D"], s["H"]), tools.Adam(), x["batches"], 5.0)
