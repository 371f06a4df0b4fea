"""Adam's rate falls with the number of updates, slowly."""

from common import normal
from textbook import Adam

CHANGED = {"Adam": {"params[i] -= ": "params[i] -= 0.999**self.iter * "}}


def run():
    optimizer, params = Adam(), [normal(80, 70)]
    for k in range(120):
        optimizer.update(params, [normal(80, 70, seed=k % 7)])
    yield params
