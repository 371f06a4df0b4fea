"""The two moments of Adam are one list."""

from book import Adam
from common import normal


def run():
    o, params, grads = (
        Adam(),
        [normal(80, 70), normal(50, 90)],
        [normal(80, 70, seed=3), normal(50, 90, seed=4)],
    )
    o.update(params, grads)
    o.v = o.m
    for _ in range(3):
        o.update(params, grads)
    yield params, o.m, o.v
