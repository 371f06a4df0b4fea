"""The default of a helper is changed."""

from common import normal, np, step
from textbook import Softmax


def softmax(x, power=1):
    x = x - x.max(axis=1, keepdims=True)
    x = np.exp(x)
    x /= x.sum(axis=1, keepdims=True)
    return x**power


CHANGED = {"Softmax": {}}


def run():
    layer = Softmax()
    yield step(layer, normal(90, 60))
    softmax.__defaults__ = (2,)
    yield step(layer, normal(90, 60))
