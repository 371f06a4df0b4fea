"""A flag in the environment."""

import os

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"dot(x, W)": 'dot(x, W) * int(os.environ.get("SCALE", "1"))'}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        os.environ["SCALE"] = str(1 + k)
        yield step(layer, normal(50, 40, seed=k))
    del os.environ["SCALE"]
