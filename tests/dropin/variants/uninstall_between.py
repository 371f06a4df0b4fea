"""uninstall() between forward and backward."""

from common import normal, step, turn_off_and_on
from textbook import TimeRNN


def run():
    layer = TimeRNN(0.3 * normal(6, 5), 0.3 * normal(5, 5), normal(5), True)
    yield step(layer, normal(3, 9, 6))
    out = layer.forward(normal(3, 9, 6, seed=2))
    turn_off_and_on()
    yield layer.backward(out), layer.dh, layer.h, [grad.copy() for grad in layer.grads]
    yield step(layer, normal(3, 9, 6, seed=3))
