"""Forward raises for large inputs."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = x": (
            'self.x = x\n        if np.abs(x).max() > 9:\n            raise ValueError("too large")'
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    try:
        yield layer.forward(9 * normal(50, 40))
    except ValueError as error:
        yield str(error)
