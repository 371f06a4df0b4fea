"""An itertools counter numbers the instances."""

import itertools

from common import normal, step
from textbook import MatMul

NUMBERS = itertools.count()


CHANGED = {"MatMul": {"self.x = None": "self.x = None\n        self.number = next(NUMBERS)"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield layer.number
    yield next(NUMBERS)
