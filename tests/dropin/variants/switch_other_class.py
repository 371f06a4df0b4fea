"""A flag on another class."""

from common import normal, step
from textbook import MatMul


class Config:
    scale = 1


CHANGED = {"MatMul": {"dot(x, W)": "dot(x, W) * Config.scale"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        Config.scale = 1 + k
        yield step(layer, normal(50, 40, seed=k))
