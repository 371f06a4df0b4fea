"""__call__ calls forward."""

from common import normal
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "return np.dot(x, W)\n": (
            "return np.dot(x, W)\n\n    def __call__(self, x):\n        return self.forward(x)\n"
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    out = layer(normal(60, 40, seed=2))
    yield out, layer.backward(out), layer.grads[0].copy()
