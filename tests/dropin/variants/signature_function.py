"""The signature of a function is looked at."""

import inspect

from common import normal, np


def clip_grads(grads, max_norm):
    total_norm = 0
    for grad in grads:
        total_norm += np.sum(grad**2)
    total_norm = np.sqrt(total_norm)
    rate = max_norm / (total_norm + 1e-6)
    if rate < 1:
        for grad in grads:
            grad *= rate


def run():
    clip_grads([normal(80, 70)], max_norm=0.25)
    yield str(inspect.signature(clip_grads)), clip_grads.__code__.co_varnames[:2]
    yield inspect.getsource(clip_grads)
