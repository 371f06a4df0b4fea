"""Inputs are float64 from some step on."""

from common import normal, step
from textbook import TimeRNN


def run():
    layer = TimeRNN(0.3 * normal(6, 5), 0.3 * normal(5, 5), normal(5), True)
    for k in range(4):
        xs = normal(3, 9, 6, seed=k)
        yield step(layer, xs.astype(float) if k == 2 else xs)
        yield str(layer.h.dtype), str(layer.dh.dtype)
