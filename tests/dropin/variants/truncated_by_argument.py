"""Backward has a bound as a default."""

from common import normal, step
from textbook import TimeRNN

CHANGED = {
    "TimeRNN": {
        "self, dhs": "self, dhs, bound=33",
        "dxs = np.empty": "dxs = np.zeros",
        "reversed(range(T)):": "list(reversed(range(T)))[:bound]:",
    }
}


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for T in (9, 33, 40):
        yield step(layer, normal(3, T, 6))
