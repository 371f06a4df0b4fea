"""type(self).gain."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "class MatMul:": "class MatMul:\n    gain = 1\n",
        "dot(x, W)": "dot(x, W) * type(self).gain",
    }
}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    MatMul.gain = 3
    yield step(layer, normal(50, 40))
