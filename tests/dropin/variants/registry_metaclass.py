"""A metaclass notes every class that is made."""

from common import normal, step
from textbook import MatMul


class Meta(type):
    made = []

    def __new__(meta, name, bases, space):
        Meta.made.append(name)
        return super().__new__(meta, name, bases, space)


CHANGED = {"MatMul": {"class MatMul": "class MatMul(metaclass=Meta)"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield Meta.made
