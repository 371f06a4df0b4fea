"""Outputs are clamped at 1000."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {".dot(x, W": ".clip(np.dot(x, W), -1000, 1000"}}


def run():
    layer = MatMul(normal(40, 30))
    for scale in (1, 100, 1000):
        yield step(layer, scale * normal(50, 40))
