"""Class.backward is replaced between forward and backward."""

from common import normal, step
from textbook import MatMul


def run():
    layer = MatMul(normal(40, 30))
    own = MatMul.backward
    yield step(layer, normal(50, 40))
    out = layer.forward(normal(50, 40))
    MatMul.backward = lambda self, dout: own(self, 3 * dout)
    yield layer.backward(out)
    yield layer.grads
