"""Whole training steps: forward, backward, shared weights, clipping, update."""

from types import SimpleNamespace

import numpy as np

from fastembed.bench.cases import Op

CHECKED = 3  # steps whose losses are compared
BATCHES = 4  # steps take them in turn


def kit(models):
    """The optimizers and helpers that belong to a module of models."""
    if models.__name__ == "fastembed.models":
        from fastembed import optimizer, trainer

        return SimpleNamespace(**vars(optimizer) | vars(trainer))
    from fastembed.reference import training

    return training


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


def words(d, V, D, H, N, T):
    """A model's sizes, and batches of a text: words, and the words that follow them."""
    text = d.ids(V, BATCHES, N, T + 1).astype(np.int32)
    return (V, D, H), [(rows[:, :-1], rows[:, 1:]) for rows in text]


def row(model, draw, optimizer, max_grad, step=Step, ids=("zipf",)):
    """The row of a model's training step."""

    def make(m, arguments, batches):
        np.random.seed(0)
        tools = kit(m)
        made = getattr(m, model)(*arguments)
        return step(tools, made, getattr(tools, optimizer[0])(*optimizer[1:]), batches, max_grad)

    return Op(
        draw,
        make,
        ids=ids,
        tolerance={"float32": 1e-4},
        fast="fastembed.models",
        reference="fastembed.reference.models",
        repeats=CHECKED,
        sizes={"D": 6, "V": 30, "window": 2},
    )


LANGUAGE_MODELS = [(model, words, ("SGD", 1.0), 0.25) for model in ("Rnnlm", "BetterRnnlm")]
OPS = {f"{model} step": row(model, *how) for model, *how in LANGUAGE_MODELS}
