"""A property lr is put on the class later."""

from common import normal
from textbook import SGD


def run():
    o, params, grads = SGD(), [normal(80, 70), normal(50, 90)], [normal(80, 70), normal(50, 90)]
    o.update(params, grads)
    yield [p.copy() for p in params]
    SGD.lr = property(lambda self: 0.5)
    try:
        o.update(params, grads)
    finally:
        del SGD.lr
    yield [p.copy() for p in params]
    o.update(params, grads)
    yield params
