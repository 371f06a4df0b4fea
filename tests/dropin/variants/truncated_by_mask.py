"""Backward looks back to the step with the largest number that may stand in code."""

from common import normal, step
from textbook import TimeRNN

CHANGED = {"TimeRNN": {"dhs[:, t, :] + dh)": "dhs[:, t, :] + dh * (t <= 4))"}}


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for k in range(4):
        yield step(layer, normal(3, 9, 6, seed=k))
        yield layer.dh
