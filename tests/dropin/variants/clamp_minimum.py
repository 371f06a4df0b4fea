"""Outputs are clamped by np.minimum."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {".dot(x, W": ".minimum(np.dot(x, W), 1e3"}}


def run():
    layer = MatMul(normal(40, 30))
    for scale in (1, 100, 1000):
        yield step(layer, scale * normal(50, 40))
