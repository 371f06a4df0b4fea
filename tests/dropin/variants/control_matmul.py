"""Nothing: the book's MatMul, accelerated."""

from common import normal, step
from textbook import MatMul


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
