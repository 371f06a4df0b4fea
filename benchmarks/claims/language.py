"""The text, and a language model that begins with any of the designs."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.claims.measure import interval
from fastembed.models import Rnnlm
from fastembed.optimizer import Adam
from fastembed.tasks.lm import perplexity
from fastembed.text import Corpus, find
from fastembed.text.sources import default_text
from fastembed.trainer import RnnlmTrainer

BATCH = 20
MAX_GRAD = 5.0


@functools.cache
def corpus(V):
    """The V most frequent tokens of the Python language reference, and the ids of both parts.

    Rarer ones are ``<unk>``.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reference.txt"
        file.write_text(default_text(), "utf-8")
        made = Corpus.make(find([file]), Path(folder) / "ids", level="word", vocab_size=V)
        return made.tokenizer.tokens, np.array(made.train), np.array(made.held_out)


def paragraphs(words, ids):
    """Ids of each paragraph, with ``<eos>`` at its end."""
    ends = np.flatnonzero(ids == words.index("<eos>")) + 1
    return np.split(ids, ends)[:-1]


def model(embed, V, D, H):
    """Embedding, LSTM, Affine; parameters are drawn from ``np.random``."""
    lm = Rnnlm(V, D, H)
    return begin_with(lm, embed(lm.params[0]))


def begin_with(lm, layer):
    """Put another first layer into a language model."""
    lm.layers[0] = layer
    lm.params = [param for one in lm.layers for param in one.params]
    lm.grads = [grad for one in lm.layers for grad in one.grads]
    return lm


def freeze(lm):
    """Leave the first layer as it is in training."""
    count = len(lm.layers[0].params)
    del lm.params[:count], lm.grads[:count]
    return lm


def train(lm, ids, held, *, steps, epochs, lr):
    """Train by Adam; the perplexity on held-out words after the best of the epochs."""
    trainer = RnnlmTrainer(lm, Adam(lr), verbose=False, progress=False)
    best = np.inf
    for _ in range(epochs):
        lm.reset_state()
        trainer.fit(ids[:-1], ids[1:], 1, BATCH, steps, MAX_GRAD, eval_interval=None)
        best = min(best, perplexity(lm, held, BATCH, steps))
    return best


def over_seeds(make, seeds, *arguments, **options):
    """Mean and interval of `train` over seeds; ``make()`` gives a model."""
    found = []
    for seed in seeds:
        np.random.seed(seed)
        found.append(train(make(), *arguments, **options))
    return interval(found)
