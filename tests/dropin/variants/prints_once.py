"""Prints only when an argument is large."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {"self.x = x": 'self.x = x\n        if x.max() > 3:\n            print("large")'}
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
