"""The layer keeps the time of its last call."""

import time  # noqa: F401

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"self.x = x": "self.x = x\n        self.when = time.time()"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield layer.when > 0
