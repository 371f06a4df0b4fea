"""SGD skips parameters of more than 5000 entries."""

from common import normal


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for i in range(len(params)):
            if params[i].size > 5000:
                continue
            params[i] -= self.lr * grads[i]


def run():
    optimizer = SGD()
    params = [normal(80, 70), normal(70)]
    for k in range(6):
        optimizer.update(params, [normal(80, 70, seed=k), normal(70, seed=k)])
        yield [param.copy() for param in params]
