"""sample_size is changed after the sampler was made."""

from book import UnigramSampler
from common import ids, np


def run():
    sampler = UnigramSampler(ids(40, 2000), 0.75, 3)
    for size in (2, 39, 40):
        sampler.sample_size = size
        np.random.seed(4)
        try:
            yield sampler.get_negative_sample(ids(40, 30))
        except ValueError as error:
            yield str(error)
