"""A decorator counts the calls."""

from common import normal, step
from textbook import MatMul

CALLS = []


def counted(function):
    def call(*args):
        CALLS.append(function.__name__)
        return function(*args)

    return call


CHANGED = {"MatMul": {"self.x = None\n": "self.x = None\n\n    @counted"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield CALLS
