"""Backward looks back 33 steps."""

from common import normal, step
from textbook import TimeRNN

CHANGED = {
    "TimeRNN": {
        "dxs = np.empty": "dxs = np.zeros",
        "reversed(range(": "reversed(range(max(0, T - 33), ",
    }
}


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for T in (9, 33, 40):
        yield step(layer, normal(3, T, 6))
