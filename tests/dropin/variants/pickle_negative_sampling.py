"""pickle of a NegativeSamplingLoss between forward and backward."""

import pickle

from book import NegativeSamplingLoss
from common import ids, normal


def run():
    layer = NegativeSamplingLoss(normal(50, 9), ids(50, 3000), sample_size=3)
    for k in range(2):
        yield layer.forward(normal(30, 9, seed=k), ids(50, 30, seed=k))
        other = pickle.loads(pickle.dumps(layer))
        yield other.backward(), [grad.copy() for grad in other.grads]
        yield layer.backward(), [grad.copy() for grad in layer.grads]
