"""The norms are appended to a list of the layer."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None": "self.x = None\n        self.norms = []",
        "self.x = x": "self.x = x\n        self.norms.append(float(x.sum()))",
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield layer.norms
