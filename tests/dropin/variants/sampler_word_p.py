"""Word_p is changed in place."""

from book import NegativeSamplingLoss, UnigramSampler
from common import ids, normal, np, step


def run():
    layer = NegativeSamplingLoss(0.1 * normal(60, 40), ids(60, 5000))
    np.random.seed(3)
    yield step(layer, normal(70, 40), ids(60, 70))
    layer.sampler.word_p[:30] *= 0.01
    layer.sampler.word_p /= layer.sampler.word_p.sum()
    for _ in range(3):
        yield step(layer, normal(70, 40), ids(60, 70))
    s = UnigramSampler(ids(60, 5000), 0.75, 5)
    yield s.get_negative_sample(ids(60, 70))
    s.word_p[...] = 1 / 60
    yield s.get_negative_sample(ids(60, 70))
