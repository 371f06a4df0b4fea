"""The weights are updated between forward and backward."""

from common import normal
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for k in range(3):
        out = layer.forward(normal(3, 9, 6, seed=k))
        state = layer.layers[-1].cache
        yield layer.backward(out), [grad.copy() for grad in layer.grads], state
        for param in layer.params:
            param *= 0.5
