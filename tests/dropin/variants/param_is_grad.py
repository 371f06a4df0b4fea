"""An optimizer is given one array as parameter and as gradient."""

from common import normal


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for i in range(len(params)):
            params[i] -= self.lr * grads[i]


def run():
    b = normal(90, 80)
    optimizer = SGD()
    for _ in range(3):
        optimizer.update([b, normal(5)], [b, normal(5)])
        yield b.copy()
