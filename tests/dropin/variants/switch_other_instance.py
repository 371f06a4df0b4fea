"""A flag on an object of the module."""

from common import normal, step
from textbook import MatMul


class Config:
    scale = 1


config = Config()


CHANGED = {"MatMul": {"dot(x, W)": "dot(x, W) * config.scale"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        config.scale = 1 + k
        yield step(layer, normal(50, 40, seed=k))
