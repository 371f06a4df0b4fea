"""Forward keeps the transpose of its input in an extra attribute."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"self.x = x": "self.x = x\n        self.rx = x.T"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(3):
        yield step(layer, normal(50, 40, seed=k))
        yield layer.rx
