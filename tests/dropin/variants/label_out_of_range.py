"""A label that is not in the vocabulary."""

from common import ids, normal, step
from textbook import TimeSoftmaxWithLoss


def run():
    layer = TimeSoftmaxWithLoss()
    yield step(layer, normal(3, 9, 20), ids(20, 3, 9))
    try:
        yield layer.forward(normal(3, 9, 20), ids(20, 3, 9) + 9)
    except IndexError as error:
        yield str(error)
