"""A weight and its transpose are updated and clipped as two arrays; nobody is warned of it."""

import warnings

from common import normal
from textbook import SGD, Adam, clip_grads


def run():
    with warnings.catch_warnings(record=True) as caught:
        for optimizer in (SGD(), Adam()):
            W = normal(80, 80)
            for k in range(3):
                optimizer.update([W, W.T], [normal(80, 80, seed=k), normal(80, 80, seed=k + 5)])
                yield W.copy()
        for k in range(3):
            grad = normal(80, 80, seed=k)
            clip_grads([grad, grad.T], 0.5)
            yield grad
    yield [str(warning.message) for warning in caught]
