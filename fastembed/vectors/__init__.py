"""Pretrained word vectors: files of other programs, nearest words, rows for a vocabulary.

::

    from fastembed import vectors

    glove = vectors.load("glove.6B.300d.txt", limit=100_000)
    glove.most_similar("king", topn=5)
    W, report = glove.fit(words)  # for an Embedding
"""

from fastembed.vectors._reading import FORMATS, load
from fastembed.vectors._words import Fit, WordVectors
from fastembed.vectors._writing import save

__all__ = ["FORMATS", "Fit", "WordVectors", "load", "save"]
