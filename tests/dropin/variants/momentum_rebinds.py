"""Momentum makes new arrays of velocity: a kept one stays."""

from common import normal, np


class Momentum:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        if self.v is None:
            self.v = []
            for param in params:
                self.v.append(np.zeros_like(param))
        for i in range(len(params)):
            self.v[i] = self.momentum * self.v[i] - self.lr * grads[i]
            params[i] += self.v[i]


def run():
    optimizer, params = Momentum(), [normal(80, 70)]
    optimizer.update(params, [normal(80, 70)])
    kept = optimizer.v[0]
    before = kept.copy()
    optimizer.update(params, [normal(80, 70, seed=3)])
    yield np.array_equal(kept, before), optimizer.v[0], params
