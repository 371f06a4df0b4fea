"""A layer with __slots__."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"class MatMul:": 'class MatMul:\n    __slots__ = ("grads", "params", "x")\n'}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
