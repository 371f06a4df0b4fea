"""clip_grads acts only on norms above 100 times the bound."""

from common import normal, np


def clip_grads(grads, max_norm):
    total_norm = 0
    for grad in grads:
        total_norm += np.sum(grad**2)
    total_norm = np.sqrt(total_norm)
    rate = max_norm / (total_norm + 1e-6)
    if rate < 1 / 100:
        for grad in grads:
            grad *= rate


def run():
    for scale in (0.001, 1, 100):
        grads = [scale * normal(80, 70), normal(70)]
        clip_grads(grads, 0.25)
        yield grads
