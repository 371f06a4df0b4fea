"""Nothing: the book's Embedding, accelerated."""

from common import ids, normal, step
from textbook import Embedding


def run():
    layer = Embedding(normal(200, 8))
    for k in range(4):
        yield step(layer, ids(200, 60, seed=k))
