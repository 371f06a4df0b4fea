"""The code of softmax is replaced."""

from common import normal, np, step
from textbook import Softmax, softmax


def other(x):
    return np.ones_like(x)


def run():
    layer = Softmax()
    yield step(layer, normal(90, 60))
    softmax.__code__ = other.__code__
    yield step(layer, normal(90, 60))
