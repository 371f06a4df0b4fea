"""deepcopy of losses between forward and backward."""

import copy

from common import ids, normal
from textbook import TimeSoftmaxWithLoss


def run():
    layer = TimeSoftmaxWithLoss()
    for k in range(3):
        yield layer.forward(normal(3, 9, 20, seed=k), ids(20, 3, 9, seed=k))
        other = copy.deepcopy(layer)
        yield other.backward(), layer.backward()
