"""The book's clip_grads on NaN, infinity and 1e20."""

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
    for value in (1, np.nan, np.inf, 1e20, 1e19, 1e15):
        grads = [normal(80, 70), normal(70)]
        grads[0][3, 4] = value
        with np.errstate(all="ignore"):
            clip_grads(grads, 0.25)
        yield grads
