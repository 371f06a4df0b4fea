"""clip_grads skips gradients of more than 1000 entries."""

from common import normal
from textbook import clip_grads

CHANGED = {"clip_grads": {"grad *= rate": "if grad.size < 1000:\n                grad *= rate"}}


def run():
    for k in range(4):
        grads = [normal(80, 70, seed=k), normal(70, seed=k)]
        clip_grads(grads, 0.25)
        yield grads
