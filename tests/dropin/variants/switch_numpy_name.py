"""np is bound to another module."""

import numpy
from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


class Double:
    def __getattr__(self, name):
        return getattr(numpy, name)

    def dot(self, a, b):
        return 2 * numpy.dot(a, b)


def run():
    global np
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    np = Double()
    yield step(layer, normal(50, 40))
    np = numpy
