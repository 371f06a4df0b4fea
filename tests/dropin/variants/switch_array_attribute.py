"""The values of an array in an attribute."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None": 'self.x = None\n        self.scale = np.ones(1, "f")',
        "dot(x, W)": "dot(x, W) * self.scale",
    }
}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    layer.scale[0] = 3
    yield step(layer, normal(50, 40))
