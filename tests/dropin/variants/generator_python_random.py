"""The random module of Python decides about an offset."""

import random

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"dot(x, W)": "dot(x, W) + random.random()"}}


def run():
    random.seed(4)
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
