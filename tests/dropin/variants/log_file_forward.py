"""Forward writes a line into a file."""

from common import ids, normal, step
from textbook import Embedding

CHANGED = {
    "Embedding": {
        "self.idx = idx": 'self.idx = idx\n        print(len(idx), file=open("calls.log", "a"))'
    }
}


def run():
    layer = Embedding(normal(200, 8))
    for k in range(4):
        yield step(layer, ids(200, 60, seed=k))
