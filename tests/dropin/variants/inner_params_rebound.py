"""The weight inside of a NegativeSamplingLoss is another array."""

from book import NegativeSamplingLoss
from common import ids, normal, np, step


def run():
    layer = NegativeSamplingLoss(0.1 * normal(60, 40), ids(60, 5000))
    np.random.seed(3)
    yield step(layer, normal(70, 40), ids(60, 70))
    layer.embed_dot_layers[2].embed.params[0] = normal(60, 40, seed=9)
    for _ in range(3):
        yield step(layer, normal(70, 40), ids(60, 70))
    yield [d.embed.grads[0] for d in layer.embed_dot_layers]
