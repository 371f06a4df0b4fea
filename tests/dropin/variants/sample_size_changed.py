"""sample_size of a loss is changed later."""

from book import NegativeSamplingLoss
from common import ids, normal, np, step


def run():
    layer = NegativeSamplingLoss(normal(50, 9), ids(50, 3000), sample_size=3)
    yield step(layer, normal(30, 9), ids(50, 30))
    layer.sample_size = layer.sampler.sample_size = 2
    np.random.seed(2)
    try:
        yield layer.forward(normal(30, 9), ids(50, 30))
    except Exception as error:
        yield type(error).__name__
