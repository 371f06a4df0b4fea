"""Backward looks back 4 steps, as many as a number that may stand in code."""

from common import normal, step
from textbook import TimeRNN

CHANGED = {
    "TimeRNN": {"dxs = np.empty": "dxs = np.zeros", "reversed(range(T": "reversed(range(T - 4, T"}
}


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for k in range(4):
        yield step(layer, normal(3, 9, 6, seed=k))
        yield layer.dh
