"""The learning rate is changed from outside, also to a NumPy number."""

from common import normal, np


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for i in range(len(params)):
            params[i] -= self.lr * grads[i]


def run():
    optimizer, params = SGD(), [normal(80, 70)]
    for lr in (0.1, np.float64(0.2), np.float32(0.3), 1, np.array(0.4), np.full(70, 0.5, "f")):
        optimizer.lr = lr
        optimizer.update(params, [normal(80, 70)])
        yield params[0].copy()
