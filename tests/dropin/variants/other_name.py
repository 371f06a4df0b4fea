"""The book's SGD under another name, changed at one place."""

from common import normal


class Descent:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for i in range(len(params)):
            params[i] -= self.lr * grads[i] / (1 + len(params) // 64)


def run():
    optimizer = Descent()
    params = [normal(80, 70), normal(70)]
    for k in range(6):
        optimizer.update(params, [normal(80, 70, seed=k), normal(70, seed=k)])
        yield [param.copy() for param in params]
