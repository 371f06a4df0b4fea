"""SGD leaves the fifth parameter alone."""

from common import normal


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for i in range(len(params)):
            if i == 4:
                continue
            params[i] -= self.lr * grads[i]


def run():
    optimizer = SGD()
    params = [normal(80, 70, seed=k) for k in range(7)]
    optimizer.update(params, [normal(80, 70, seed=k + 9) for k in range(7)])
    yield params
