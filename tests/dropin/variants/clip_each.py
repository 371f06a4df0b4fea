"""clip_grads skips gradients of more than 1000 entries."""

from common import normal, np


def clip_grads(grads, max_norm):
    total_norm = 0
    for grad in grads:
        total_norm += np.sum(grad**2)
    total_norm = np.sqrt(total_norm)
    rate = max_norm / (total_norm + 1e-6)
    if rate < 1:
        for grad in grads:
            if grad.size < 1000:
                grad *= rate


def run():
    for k in range(4):
        grads = [normal(80, 70, seed=k), normal(70, seed=k)]
        clip_grads(grads, 0.25)
        yield grads
