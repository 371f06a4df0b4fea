"""The gradients of each time step are read after backward, and after the layer's are scaled."""

from book import TimeEmbedding
from common import gradient, ids, normal
from textbook import TimeRNN


def run():
    recurrent = TimeRNN(0.3 * normal(6, 5), 0.3 * normal(5, 5), normal(5), stateful=True)
    for layer, xs in ((recurrent, normal(3, 9, 6)), (TimeEmbedding(normal(20, 6)), ids(20, 3, 9))):
        for k in range(3):
            layer.backward(*gradient(layer.forward(xs)))
            if k == 1:
                for grad in layer.grads:
                    grad *= 0.5
            yield [inner.grads for inner in layer.layers], [grad.copy() for grad in layer.grads]
        out = layer.forward(xs)
        layer.backward(*gradient(out))
        layer.backward(2 * out)
        yield [inner.grads for inner in layer.layers], layer.grads
