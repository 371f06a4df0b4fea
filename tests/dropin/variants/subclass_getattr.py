"""A subclass answers for attributes by __getattribute__."""

from common import normal, step
from textbook import MatMul


class Sub(MatMul):
    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        return [2 * value[0]] if name == "params" else value


def run():
    layer = Sub(normal(40, 30))
    yield step(layer, normal(50, 40))
