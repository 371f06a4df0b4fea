"""A decorator with functools.wraps doubles what is returned."""

import functools

from common import normal, np, step


def doubled(function):
    @functools.wraps(function)
    def call(*args):
        return 2 * function(*args)

    return call


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    @doubled
    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
