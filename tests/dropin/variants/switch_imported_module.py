"""A flag in an imported module."""

import settings
from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"dot(x, W)": "dot(x, W) * settings.SCALE"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        settings.SCALE = 1 + k
        yield step(layer, normal(50, 40, seed=k))
    settings.SCALE = 1
