"""The state of a TimeLSTM is zeroed in place between forward and backward."""

from book import TimeLSTM
from common import normal, np


def run():
    layer = TimeLSTM(0.3 * normal(6, 20), 0.3 * normal(5, 20), normal(20), True)
    for k in range(3):
        out = layer.forward(normal(3, 9, 6, seed=k))
        layer.h[...] = 0
        yield out, layer.backward(np.cos(out)), [g.copy() for g in layer.grads], layer.dh
