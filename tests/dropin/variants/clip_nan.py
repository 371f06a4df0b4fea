"""The book's clip_grads on NaN, infinity and 1e20."""

from common import normal, np
from textbook import clip_grads


def run():
    for value in (1, np.nan, np.inf, 1e20, 1e19, 1e15):
        grads = [normal(80, 70), normal(70)]
        grads[0][3, 4] = value
        with np.errstate(all="ignore"):
            clip_grads(grads, 0.25)
        yield grads
