"""A flag in a dict of the module."""

from common import normal, step
from textbook import MatMul

CONFIG = {"scale": 1}


CHANGED = {"MatMul": {"dot(x, W)": 'dot(x, W) * CONFIG["scale"]'}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        CONFIG["scale"] = 1 + k
        yield step(layer, normal(50, 40, seed=k))
