"""Rows of an embedding and its gradients between forward and backward."""

import book
from common import ids, normal, np


def run():
    W = normal(80, 70)
    layer = book.TimeEmbedding(W)
    for k in range(4):
        x = ids(80, 9, 10, seed=k)
        out = layer.forward(x)
        if k == 1:
            x[...] = 3
        if k == 2:
            layer.W = normal(80, 70, seed=8)
        if k == 3:
            layer.grads[0] = np.ones((80, 70), "f")
        layer.backward(out)
        yield out, layer.grads[0].copy(), len(layer.layers), [l.idx for l in layer.layers]
    layer.W = normal(90, 70)
    out = layer.forward(ids(80, 9, 10))
    try:
        layer.backward(out)
    except ValueError as error:
        yield str(error)
