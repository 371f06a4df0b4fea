"""np is bound to another module."""

import numpy
from common import normal, np, step  # noqa: F401
from textbook import MatMul

CHANGED = {"MatMul": {}}


class Double:
    def __getattr__(self, name):
        return getattr(numpy, name)

    def dot(self, a, b):
        return 2 * numpy.dot(a, b)


def run():
    global np
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    np = Double()
    yield step(layer, normal(50, 40))
    np = numpy
