"""The book's training loops the slow way, beside the slow optimizers."""

import numpy as np

from fastembed.reference.training import *  # noqa: F403
from fastembed.reference.training import clip_grads, remove_duplicate


def rnnlm_batch(xs, ts, batch_size, time_size, start):
    """The batch of a language model that begins at time index start, word by word."""
    size = len(xs)
    jump = size // batch_size
    batch_x = np.empty((batch_size, time_size), "i")
    batch_t = np.empty((batch_size, time_size), "i")
    for t in range(time_size):
        for n in range(batch_size):
            where = (n * jump + start + t) % size
            batch_x[n, t] = xs[where]
            batch_t[n, t] = ts[where]
    return batch_x, batch_t


def step(model, optimizer, batch, max_grad=None):
    """One step of training; returns the loss."""
    loss = model.forward(*batch)
    model.backward()
    params, grads = remove_duplicate(model.params, model.grads)
    if max_grad is not None:
        clip_grads(grads, max_grad)
    optimizer.update(params, grads)
    return loss


class Trainer:
    """Shuffled batches of x and t; loss_list gets the mean loss every eval_interval steps."""

    def __init__(self, model, optimizer):
        self.model = model
        self.optimizer = optimizer
        self.loss_list = []

    def fit(self, x, t, max_epoch=10, batch_size=32, max_grad=None, eval_interval=20):
        losses = []
        for _ in range(max_epoch):
            order = np.random.permutation(np.arange(len(x)))
            x, t = x[order], t[order]
            for k in range(len(x) // batch_size):
                rows = slice(k * batch_size, (k + 1) * batch_size)
                losses.append(step(self.model, self.optimizer, (x[rows], t[rows]), max_grad))
                if k % eval_interval == 0:
                    self.loss_list.append(sum(losses) / len(losses))
                    losses = []


class RnnlmTrainer:
    """Batches of consecutive words; ppl_list gets the perplexity every eval_interval steps."""

    def __init__(self, model, optimizer):
        self.model = model
        self.optimizer = optimizer
        self.ppl_list = []

    def fit(
        self, xs, ts, max_epoch=10, batch_size=20, time_size=35, max_grad=None, eval_interval=20
    ):
        losses, start = [], 0
        for _ in range(max_epoch):
            for k in range(len(xs) // (batch_size * time_size)):
                batch = rnnlm_batch(xs, ts, batch_size, time_size, start)
                start += time_size
                losses.append(step(self.model, self.optimizer, batch, max_grad))
                if k % eval_interval == 0:
                    self.ppl_list.append(float(np.exp(sum(losses) / len(losses))))
                    losses = []
