"""The layers inside of a NegativeSamplingLoss are looked at."""

from book import NegativeSamplingLoss
from common import ids, normal


def run():
    layer = NegativeSamplingLoss(normal(50, 9), ids(50, 3000), sample_size=3)
    for k in range(3):
        yield layer.forward(normal(30, 9, seed=k), ids(50, 30, seed=k))
        yield (
            [inner.y for inner in layer.loss_layers],
            [inner.embed.idx for inner in layer.embed_dot_layers],
        )
        yield layer.backward(), [grad.copy() for grad in layer.grads]
