"""The parts of an attention are looked at."""

from book import Attention
from common import normal


def run():
    layer = Attention()
    for k in range(2):
        out = layer.forward(normal(9, 8, 7, seed=k), normal(9, 7, seed=k))
        yield (
            layer.attention_weight,
            layer.attention_weight_layer.softmax.out,
            layer.weight_sum_layer.cache,
        )
        yield layer.backward(out)
