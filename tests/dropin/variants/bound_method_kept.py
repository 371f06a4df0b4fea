"""A bound forward taken before the first step is used later."""

from common import normal, step
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    forward, backward = layer.forward, layer.backward
    yield step(layer, normal(3, 9, 6))
    out = forward(normal(4, 7, 6, seed=2))
    yield out, backward(out), layer.grads[0].copy()
