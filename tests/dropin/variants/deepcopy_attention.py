"""deepcopy of an attention between forward and backward."""

import copy

from book import TimeAttention
from common import normal


def run():
    layer = TimeAttention()
    for k in range(2):
        out = layer.forward(normal(3, 8, 7, seed=k), normal(3, 5, 7, seed=k + 3))
        other = copy.deepcopy(layer)
        yield other.backward(out), layer.backward(out), other.attention_weights
