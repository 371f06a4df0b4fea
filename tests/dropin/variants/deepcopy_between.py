"""deepcopy of a layer between forward and backward."""

import copy

from common import normal, step
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5), True)
    for k in range(3):
        out = layer.forward(normal(3, 9, 6, seed=k))
        other = copy.deepcopy(layer)
        yield other.backward(out), [grad.copy() for grad in other.grads], other.dh, other.h
        yield layer.backward(2 * out), [grad.copy() for grad in layer.grads]
        yield step(other, normal(3, 9, 6, seed=k + 5))
