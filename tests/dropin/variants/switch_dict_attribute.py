"""The values of a dict in an attribute."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None": 'self.x = None\n        self.options = {"scale": 1}',
        "dot(x, W)": 'dot(x, W) * self.options["scale"]',
    }
}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    layer.options["scale"] = 3
    yield step(layer, normal(50, 40))
