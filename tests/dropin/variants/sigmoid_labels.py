"""TimeSigmoidWithLoss with labels other than 0 and 1."""

from book import TimeSigmoidWithLoss
from common import ids, normal, step


def run():
    layer = TimeSigmoidWithLoss()
    for ts in (ids(2, 9, 8), -ids(2, 9, 8), ids(2, 9, 8) - 2):
        yield step(layer, normal(9, 8), ts)
    try:
        yield layer.forward(normal(9, 8), ids(2, 9, 8) + 1)
    except IndexError as error:
        yield str(error)
