"""The random module of Python decides about an offset."""

import random

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W) + random.random()

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    random.seed(4)
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
