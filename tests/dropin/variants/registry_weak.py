"""Every instance enters itself in a weak set."""

import weakref

from common import normal, step
from textbook import MatMul

ALL = weakref.WeakSet()


CHANGED = {"MatMul": {"self.x = None": "self.x = None\n        ALL.add(self)"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield len(ALL)
