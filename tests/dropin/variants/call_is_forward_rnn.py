"""__call__ = forward, in a layer with hidden caches."""

from common import normal, step
from textbook import TimeRNN

CHANGED = {"TimeRNN": {"return hs\n": "return hs\n\n    __call__ = forward\n"}}


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    yield step(layer, normal(3, 9, 6))
    out = layer(normal(4, 7, 6, seed=2))
    yield out, layer.backward(out), layer.grads[0].copy()
