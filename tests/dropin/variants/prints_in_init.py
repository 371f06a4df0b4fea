"""The constructor prints."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"self.x = None": 'self.x = None\n        print("made", W.shape)'}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
