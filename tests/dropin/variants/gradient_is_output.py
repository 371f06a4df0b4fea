"""Backward is given the gradient of the weight itself."""

from book import Affine, Embedding, MatMul, TimeAffine
from common import ids, normal


def run():
    layer = MatMul(normal(60, 60))
    for k in range(3):
        layer.forward(normal(60, 60, seed=k))
        layer.grads[0][...] = normal(60, 60, seed=k + 3)
        yield layer.backward(layer.grads[0]), layer.grads[0].copy()
    layer = Affine(normal(60, 60), normal(60))
    for k in range(3):
        layer.forward(normal(60, 60, seed=k))
        layer.grads[0][...] = normal(60, 60, seed=k + 3)
        yield layer.backward(layer.grads[0]), layer.grads[0].copy(), layer.grads[1].copy()
    layer = TimeAffine(normal(60, 60), normal(60))
    for k in range(3):
        layer.forward(normal(6, 10, 60, seed=k))
        layer.grads[0][...] = normal(60, 60, seed=k + 3)
        yield layer.backward(layer.grads[0].reshape(6, 10, 60)), layer.grads[0].copy()
    layer = Embedding(normal(80, 70))
    for k in range(3):
        layer.forward(ids(80, 80, seed=k))
        layer.grads[0][...] = normal(80, 70, seed=k + 3)
        layer.backward(layer.grads[0])
        yield layer.grads[0].copy()
