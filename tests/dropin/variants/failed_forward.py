"""A forward raises after one that did not: backward is that one's."""

from common import normal, np
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5), True)
    for k, wrong in enumerate([None, normal(3, 6), normal(3, 9, 7), normal(2, 9, 6)] * 2):
        hs = layer.forward(normal(3, 9, 6, seed=k))
        yield np.array(hs)
        try:
            layer.forward(wrong)
        except Exception as error:
            yield type(error).__name__
        yield len(layer.layers), layer.h
        if len(layer.layers) == 9:
            yield layer.backward(hs), [grad.copy() for grad in layer.grads], layer.dh
        layer.h = None
