"""The gradient of one parameter is another parameter."""

from common import normal


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for i in range(len(params)):
            params[i] -= self.lr * grads[i]


def run():
    a, b = normal(90, 80), normal(90, 80, seed=2)
    SGD().update([a, b], [b, a])
    yield a, b
