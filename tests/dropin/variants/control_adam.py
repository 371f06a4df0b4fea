"""Nothing: the book's Adam, accelerated."""

from common import normal
from textbook import Adam

CHANGED = {"Adam": {}}


def run():
    optimizer = Adam()
    params = [normal(80, 70), normal(70)]
    for k in range(6):
        optimizer.update(params, [normal(80, 70, seed=k), normal(70, seed=k)])
        yield [param.copy() for param in params]
