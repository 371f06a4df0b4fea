"""A class statement with keyword arguments."""

from common import normal, step
from textbook import MatMul


class Base:
    def __init_subclass__(cls, name=None, function=None, **options):
        cls.label = name, function


CHANGED = {"MatMul": {"class MatMul": 'class MatMul(Base, name="b", function=3)'}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield MatMul.label
