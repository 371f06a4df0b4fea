"""A gradient is a view of its parameter."""

from common import normal


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for i in range(len(params)):
            params[i] -= self.lr * grads[i]


def run():
    b = normal(90, 90)
    SGD().update([b], [b.T])
    yield b
