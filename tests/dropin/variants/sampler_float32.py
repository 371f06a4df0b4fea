"""The sampler's probabilities are turned to float32."""

from book import UnigramSampler
from common import ids, np


def run():
    sampler = UnigramSampler(ids(40, 2000), 0.75, 3)
    yield sampler.get_negative_sample(ids(40, 30))
    sampler.word_p = sampler.word_p.astype("f")
    np.random.seed(4)
    try:
        yield sampler.get_negative_sample(ids(40, 30))
    except ValueError as error:
        yield str(error)
