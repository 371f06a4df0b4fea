"""The sampler's probabilities are a list."""

from book import UnigramSampler
from common import ids, np


def run():
    sampler = UnigramSampler(ids(40, 2000), 0.75, 3)
    sampler.word_p = list(sampler.word_p)
    np.random.seed(4)
    try:
        yield sampler.get_negative_sample(ids(40, 30))
    except (AttributeError, TypeError, IndexError) as error:
        yield str(error)
