"""Warnings of a division by zero are recorded."""

import warnings

from common import ids, normal, np, step
from textbook import TimeSoftmaxWithLoss


def run():
    layer = TimeSoftmaxWithLoss()
    yield step(layer, normal(3, 9, 20), ids(20, 3, 9))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield layer.forward(normal(3, 9, 20), np.full((3, 9), -1))
    yield len(seen) > 0
