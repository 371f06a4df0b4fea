"""getattr(self, "gain", 1)."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"dot(x, W)": 'dot(x, W) * getattr(self, "gain", 1)'}}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    layer.gain = 3
    yield step(layer, normal(50, 40))
