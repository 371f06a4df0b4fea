"""A property x is put on the class later."""

from common import normal, step
from textbook import MatMul


def run():
    layer = MatMul(normal(400, 300))
    yield step(layer, normal(50, 400))
    MatMul.x = property(lambda self: 2 * vars(self)["x"], lambda self, v: vars(self).update(x=v))
    try:
        yield step(layer, normal(50, 400))
    finally:
        del MatMul.x
    yield step(layer, normal(50, 400))
