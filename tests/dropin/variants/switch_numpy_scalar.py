"""A NumPy scalar in an attribute."""

from common import normal, np, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None": "self.x = None\n        self.scale = np.float32(1)",
        "dot(x, W)": "dot(x, W) * self.scale",
    }
}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    layer.scale = np.float32(3)
    yield step(layer, normal(50, 40))
