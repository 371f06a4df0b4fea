"""TimeEmbedding.W is rebound to pretrained rows."""

from book import TimeEmbedding
from common import ids, normal, step


def run():
    layer = TimeEmbedding(normal(200, 8))
    yield step(layer, ids(200, 6, 9))
    layer.W = normal(200, 8, seed=8)
    yield step(layer, ids(200, 6, 9))
