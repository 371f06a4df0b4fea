"""A decorator with functools.wraps doubles what is returned."""

import functools

from common import normal, step
from textbook import MatMul


def doubled(function):
    @functools.wraps(function)
    def call(*args):
        return 2 * function(*args)

    return call


CHANGED = {"MatMul": {"self.x = None\n": "self.x = None\n\n    @doubled"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
