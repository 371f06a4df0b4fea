"""Batches without rows or without time steps."""

from common import normal, np, step
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5), True)
    yield step(layer, normal(3, 9, 6))
    for N, T in ((3, 0), (0, 4)):
        try:
            yield step(layer, np.zeros((N, T, 6), "f"))
        except Exception as error:
            yield type(error).__name__, str(error)
        layer.h = None
