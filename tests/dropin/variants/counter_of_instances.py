"""A class counts its instances."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "class MatMul:": "class MatMul:\n    made = 0\n",
        "self.x = None": "self.x = None\n        MatMul.made += 1",
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield MatMul.made
