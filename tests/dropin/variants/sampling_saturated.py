"""Negative words whose probability is nearly 1."""

from common import ids, normal
from control_negative_sampling import NegativeSamplingLoss


def run():
    layer = NegativeSamplingLoss(4 * normal(50, 9), ids(50, 3000), sample_size=3)
    for k in range(4):
        yield layer.forward(normal(30, 9, seed=k), ids(50, 30, seed=k))
        yield layer.backward(), [grad.copy() for grad in layer.grads]
