"""The cell's forward is replaced."""

from common import normal, step
from textbook import RNN, TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    yield step(layer, normal(3, 9, 6))
    own = RNN.forward
    RNN.forward = lambda self, x, h: own(self, x, h / 2)
    yield step(layer, normal(3, 9, 6))
