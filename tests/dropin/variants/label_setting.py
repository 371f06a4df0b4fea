"""ignore_label is another one, set in the constructor."""

from common import ids, normal, step
from textbook import TimeSoftmaxWithLoss

CHANGED = {"TimeSoftmaxWithLoss": {"ignore_label = -1": "ignore_label = 7"}}


def run():
    layer = TimeSoftmaxWithLoss()
    for k in range(3):
        yield step(layer, normal(3, 9, 20, seed=k), ids(20, 3, 9, seed=k))
