"""The weights of an attention are changed before backward."""

import book
from common import normal


def run():
    layer = book.Attention()
    for k in range(3):
        out = layer.forward(normal(9, 10, 60), normal(9, 60, seed=k))
        if k:
            layer.attention_weight[...] = 0.1
        yield layer.backward(out)
    layer = book.TimeAttention()
    for k in range(3):
        out = layer.forward(normal(9, 10, 60), normal(9, 7, 60, seed=k))
        if k:
            layer.attention_weights[2][...] = 0.1
        yield layer.backward(out)
    hs = normal(9, 10, 60)
    out = layer.forward(hs, normal(9, 7, 60))
    hs[:, ::2] = 1
    yield layer.backward(out)
    layer = book.WeightSum()
    a = normal(9, 10)
    out = layer.forward(hs, a)
    a[...] = 2
    yield layer.backward(out)
    layer = book.AttentionWeight()
    h = normal(9, 60)
    out = layer.forward(hs, h)
    h[...] = 2
    yield layer.backward(normal(9, 10))
    out = layer.forward(hs, h)
    out[:, ::2] = 0.25
    yield layer.backward(normal(9, 10))
