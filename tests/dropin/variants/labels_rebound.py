"""SoftmaxWithLoss.t is rebound between forward and backward."""

from book import SoftmaxWithLoss
from common import ids, normal


def run():
    layer = SoftmaxWithLoss()
    for k in range(3):
        yield layer.forward(normal(90, 60, seed=k), ids(60, 90, seed=k))
        layer.t = ids(60, 90, seed=k + 5)
        yield layer.backward()
