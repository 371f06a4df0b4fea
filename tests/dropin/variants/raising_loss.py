"""A NegativeSamplingLoss that raises draws its numbers once."""

from book import NegativeSamplingLoss
from common import ids, normal, np


def run():
    layer = NegativeSamplingLoss(normal(40, 9), ids(50, 3000), sample_size=3)
    for seed in range(4):
        np.random.seed(seed)
        try:
            yield layer.forward(normal(30, 9), ids(40, 30))
        except IndexError as error:
            yield type(error).__name__
        yield np.random.rand()
