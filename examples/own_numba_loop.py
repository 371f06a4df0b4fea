"""Kernels inside a Numba loop of your own: word vectors learnt without leaving compiled code."""

# %% Kernels are plain functions of arrays, for @njit code too. They check nothing.
import os
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
from numba import njit

from fastembed import vectors
from fastembed.kernels.embedding import gather, scatter_add
from fastembed.text import Corpus, find

SIZE = float(os.environ.get("EXAMPLE_SIZE", 1))


@njit
def train(W_in, W_out, ids, window, negatives, rate, seed):
    """Skip-gram with negative sampling, one word after the other (arXiv:1310.4546)."""
    np.random.seed(seed)
    D, count = W_in.shape[1], 1 + negatives
    words = np.empty(count, np.int64)
    rows, steps = np.empty((count, D), W_in.dtype), np.empty((count, D), W_in.dtype)
    for n in range(window, len(ids) - window):
        centre = W_in[ids[n]]
        for k in range(n - window, n + window + 1):
            if k == n:
                continue
            words[0] = ids[k]
            for j in range(1, count):  # words of the text, as often as they come there
                words[j] = ids[np.random.randint(len(ids))]
            gather(W_out, words, rows, 0, count)
            step = np.zeros(D, W_in.dtype)
            for j in range(count):
                score = 1 / (1 + np.exp(-(rows[j] * centre).sum()))
                pull = np.float32(rate * ((j == 0) - score))
                step += pull * rows[j]
                steps[j] = pull * centre
            scatter_add(words, steps, W_out, 0, count)
            centre += step


# %% A text as ids, all of which lie in [0, V): that is what the kernels rely on
content = "\n\n".join(topics.values())
Path("reference.txt").write_text(content[: max(20_000, int(len(content) * SIZE))], "utf-8")
corpus = Corpus.make(find(["reference.txt"]), "reference-ids", level="word", vocab_size=1500)
words = [word.strip() for word in corpus.tokenizer.tokens]
ids = corpus.train[np.array([word.isalpha() for word in words])[corpus.train]].astype(np.int64)
V, D = len(words), 50
rng = np.random.default_rng(0)
W_in, W_out = (rng.standard_normal((V, D)).astype("f") / D for _ in range(2))
print(f"{len(ids):,} words, {V:,} different")

# %% Train
for epoch in range(max(1, round(3 * SIZE))):
    train(W_in, W_out, ids, window=3, negatives=5, rate=0.05 / (1 + epoch), seed=epoch)

# %% Which words lie near each other
seen = {words[k]: k for k in np.unique(ids)[::-1]}
wv = vectors.WordVectors(list(seen), W_in[list(seen.values())])
for query in ("list", "integer", "class"):
    if query in wv:
        print(f"{query:8}", ", ".join(word for word, _ in wv.most_similar(query, topn=5)))
