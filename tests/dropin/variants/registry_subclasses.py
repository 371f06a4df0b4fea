"""A base class notes its subclasses in __init_subclass__."""

from common import normal, step
from textbook import MatMul


class Base:
    known = []

    def __init_subclass__(cls, **options):
        Base.known.append(cls.__name__)


CHANGED = {"MatMul": {"class MatMul": "class MatMul(Base)"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield Base.known
