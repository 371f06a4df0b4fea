"""Scores that are not finite where the label is ignored."""

from common import ids, normal, np, step
from textbook import TimeSoftmaxWithLoss


def run():
    layer = TimeSoftmaxWithLoss()
    for number in (np.nan, np.inf, -np.inf):
        scores, labels = normal(3, 9, 20), ids(20, 3, 9)
        labels[:, -2:] = -1
        yield step(layer, scores, labels)
        scores[1, -1] = number
        with np.errstate(all="ignore"):
            yield step(layer, scores, labels)
        scores[0, 0, 3] = np.nan
        with np.errstate(all="ignore"):
            yield step(layer, scores, labels)
