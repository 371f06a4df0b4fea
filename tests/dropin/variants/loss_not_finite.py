"""Scores that are infinite, NaN, or far below the others."""

from common import normal, np
from textbook import TimeSoftmaxWithLoss


def run():
    layer = TimeSoftmaxWithLoss()
    ts = np.arange(20).reshape(4, 5) % 13
    with np.errstate(all="ignore"):
        for rest in (0, -1):
            for place in (3, 5, np.s_[:], np.s_[4:]):
                for value in (np.inf, -np.inf, np.nan, 200, -97.5, -101):
                    xs = normal(4, 5, 13)
                    layer.forward(xs, ts)
                    xs[0, 3, place] = value
                    yield layer.forward(xs, np.where(ts == 3, 3, ts + rest)), layer.backward()
