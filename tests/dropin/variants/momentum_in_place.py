"""Momentum works on its arrays of velocity in place."""

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
            self.v[i] *= self.momentum
            self.v[i] -= self.lr * grads[i]
            params[i] += self.v[i]


def run():
    optimizer = Momentum()
    params = [normal(80, 70), normal(70)]
    for k in range(6):
        optimizer.update(params, [normal(80, 70, seed=k), normal(70, seed=k)])
        yield [param.copy() for param in params]
