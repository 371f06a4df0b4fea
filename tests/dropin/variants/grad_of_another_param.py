"""The gradient of one parameter is another parameter."""

from common import normal
from textbook import SGD


def run():
    a, b = normal(90, 80), normal(90, 80, seed=2)
    SGD().update([a, b], [b, a])
    yield a, b
