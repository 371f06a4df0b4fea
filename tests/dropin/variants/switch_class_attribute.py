"""self.gain, a class attribute that changes."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "class MatMul:": "class MatMul:\n    gain = 1\n",
        "dot(x, W)": "dot(x, W) * self.gain",
    }
}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    MatMul.gain = 3
    yield step(layer, normal(50, 40))
    MatMul.gain = 1
    layer.gain = 2
    yield step(layer, normal(50, 40))
