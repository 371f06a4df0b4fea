"""The loss is kept in an extra attribute."""

from common import ids, normal, step
from textbook import TimeSoftmaxWithLoss

CHANGED = {"TimeSoftmaxWithLoss": {"return loss": "self.loss = loss\n        return self.loss"}}


def run():
    layer = TimeSoftmaxWithLoss()
    for k in range(3):
        yield step(layer, normal(3, 9, 20, seed=k), ids(20, 3, 9, seed=k))
        yield layer.loss
