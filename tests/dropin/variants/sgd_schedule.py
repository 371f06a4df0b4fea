"""The learning rate is changed from outside, also to a NumPy number."""

from common import normal, np
from textbook import SGD


def run():
    optimizer, params = SGD(), [normal(80, 70)]
    for lr in (0.1, np.float64(0.2), np.float32(0.3), 1, np.array(0.4), np.full(70, 0.5, "f")):
        optimizer.lr = lr
        optimizer.update(params, [normal(80, 70)])
        yield params[0].copy()
