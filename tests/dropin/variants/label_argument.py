"""ignore_label is an argument."""

from common import ids, normal, step
from textbook import TimeSoftmaxWithLoss

CHANGED = {
    "TimeSoftmaxWithLoss": {
        "__init__(self": "__init__(self, ignore_label=3",
        "ignore_label = -1": "ignore_label = ignore_label",
    }
}


def run():
    for label in (3, 11, -1):
        layer = TimeSoftmaxWithLoss(label)
        yield step(layer, normal(3, 9, 20), ids(20, 3, 9))
        layer.ignore_label = 5
        yield step(layer, normal(3, 9, 20), ids(20, 3, 9))
