"""The code of backward is replaced by that of another function."""

from common import normal, np, step
from textbook import MatMul


def other(self, dout):
    (W,) = self.params
    self.grads[0][...] = 0
    return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(400, 300))
    yield step(layer, normal(50, 400))
    before = MatMul.backward.__code__
    MatMul.backward.__code__ = other.__code__
    yield step(layer, normal(50, 400))
    MatMul.backward.__code__ = before
    yield step(layer, normal(50, 400))
