"""TimeBiLSTM, whose two layers are accelerated."""

from book import TimeBiLSTM
from common import normal, step


def run():
    weights = [normal(6, 20), normal(5, 20), normal(20)]
    layer = TimeBiLSTM(*weights, *[2 * weight for weight in weights])
    for k in range(3):
        yield step(layer, normal(3, 9, 6, seed=k))
