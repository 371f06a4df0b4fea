"""stateful=True is the default."""

from common import normal, step
from textbook import TimeRNN

CHANGED = {"TimeRNN": {"stateful=False": "stateful=True"}}


def run():
    layer = TimeRNN(0.3 * normal(6, 5), 0.3 * normal(5, 5), normal(5))
    for k in range(4):
        yield step(layer, normal(3, 9, 6, seed=k))
        yield layer.dh
