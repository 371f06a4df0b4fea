"""TimeAffine.x is rebound between forward and backward."""

from common import normal
from textbook import TimeAffine


def run():
    layer = TimeAffine(normal(20, 30), normal(30))
    for k in range(3):
        out = layer.forward(normal(5, 9, 20, seed=k))
        layer.x = layer.x[::-1]
        yield layer.backward(out), layer.grads[0].copy()
