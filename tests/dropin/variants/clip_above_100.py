"""clip_grads acts only on norms above 100 times the bound."""

from common import normal
from textbook import clip_grads

CHANGED = {"clip_grads": {" rate < 1": " rate < 1 / 100"}}


def run():
    for scale in (0.001, 1, 100):
        grads = [scale * normal(80, 70), normal(70)]
        clip_grads(grads, 0.25)
        yield grads
