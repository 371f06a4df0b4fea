"""The input is the gradient of the weight itself."""

from book import Affine, MatMul, TimeRNN
from common import normal, np


def run():
    layer = MatMul(normal(60, 60))
    for k in range(3):
        layer.grads[0][...] = normal(60, 60, seed=k + 3)
        out = layer.forward(layer.grads[0])
        yield out, layer.backward(normal(60, 60)), layer.grads[0].copy()
    layer = TimeRNN(0.1 * normal(20, 20), 0.1 * normal(20, 20), normal(20))
    for k in range(3):
        layer.grads[0][...] = normal(20, 20, seed=k + 3)
        out = layer.forward(layer.grads[0].reshape(4, 5, 20))
        yield out, layer.backward(np.cos(out)), [g.copy() for g in layer.grads]
    layer = TimeRNN(0.1 * normal(20, 20), 0.1 * normal(20, 20), normal(20))
    layer.grads[1] = layer.grads[0]
    for k in range(3):
        out = layer.forward(normal(4, 5, 20, seed=k))
        yield out, layer.backward(np.cos(out)), [g.copy() for g in layer.grads]
    W = normal(60, 60)
    layer = MatMul(W)
    layer.grads[0] = W
    layer.forward(normal(70, 60))
    yield layer.backward(normal(70, 60, seed=5)), W.copy()
    layer = Affine(normal(60, 60), normal(60))
    layer.grads[1] = layer.grads[0][3]
    layer.forward(normal(70, 60))
    yield layer.backward(normal(70, 60, seed=5)), layer.grads
