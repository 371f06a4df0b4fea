"""A target that is not in the vocabulary, in the middle of a batch."""

from book import NegativeSamplingLoss
from common import ids, normal, np


def run():
    layer = NegativeSamplingLoss(normal(50, 9), ids(50, 3000), sample_size=3)
    target = ids(50, 30)
    target[11] = 50
    np.random.seed(3)
    try:
        yield layer.forward(normal(30, 9), target)
    except IndexError as error:
        yield str(error)
    yield np.random.rand()
