"""The probability of an ignored label underflows."""

from common import ids, normal, np, step
from textbook import TimeSoftmaxWithLoss


def run():
    layer = TimeSoftmaxWithLoss()
    for label in (-1, 3):
        xs, ts = normal(3, 9, 20), ids(20, 3, 9)
        ts[1, 2] = label
        xs[1, 2, 4] = 300
        with np.errstate(all="ignore"):
            yield step(layer, xs, ts)
