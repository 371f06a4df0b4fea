"""The loss's cache is unpacked."""

from common import ids, normal
from textbook import TimeSoftmaxWithLoss


def run():
    layer = TimeSoftmaxWithLoss()
    for k in range(3):
        yield layer.forward(normal(3, 9, 20, seed=k), ids(20, 3, 9, seed=k))
        ts, ys, mask, shape = layer.cache
        yield ts, ys.copy(), mask, list(shape), type(layer.cache).__name__
        yield layer.backward()
