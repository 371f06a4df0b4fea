"""Mutable default arguments."""

from common import normal, np, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "def __init__(self, W):": "def __init__(self, W, seen=[]):",
        "self.x = None": "self.x = None\n        seen.append(W.shape)\n        self.seen = seen",
    }
}


class Affine:
    def __init__(self, W, b):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x, memory=[0]):  # noqa: B006
        W, b = self.params
        self.x = x
        return np.dot(x, W) + b + memory[0]

    def backward(self, dout):
        W, b = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        self.grads[1][...] = np.sum(dout, axis=0)
        return np.dot(dout, W.T)


def run():
    for _ in range(3):
        layer = MatMul(normal(400, 300))
        yield step(layer, normal(50, 400)), layer.seen
    layer = Affine(normal(400, 300), normal(300))
    yield step(layer, normal(50, 400))
    Affine.forward.__defaults__[0][0] = 7
    yield step(layer, normal(50, 400))
