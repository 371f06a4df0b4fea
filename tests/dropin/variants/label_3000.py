"""Label 3000 is ignored."""

from common import ids, normal, step
from textbook import TimeSoftmaxWithLoss

CHANGED = {"TimeSoftmaxWithLoss": {"!= self.ignore_label": "!= 3000"}}


def run():
    layer = TimeSoftmaxWithLoss()
    for k in range(2):
        ts = ids(20, 3, 9, seed=k) + 2990
        yield step(layer, normal(3, 9, 3010, seed=k), ts)
