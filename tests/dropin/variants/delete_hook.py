"""An instance tells when it dies."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {"self.x = None": 'self.x = None\n\n    def __del__(self):\n        print("gone")'}
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    del layer
