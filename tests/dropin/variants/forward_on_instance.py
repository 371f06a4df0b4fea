"""layer.forward is replaced after a step."""

from common import normal, step
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    yield step(layer, normal(3, 9, 6))
    own = layer.forward
    layer.forward = lambda xs: own(2 * xs)
    yield step(layer, normal(3, 9, 6, seed=2))
    yield step(layer, normal(3, 9, 6, seed=3))
