"""Gradients are float64 from some step on."""

from common import normal
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for k in range(4):
        out = layer.forward(normal(3, 9, 6, seed=k))
        dxs = layer.backward(out.astype(float) if k > 1 else out)
        yield dxs, str(dxs.dtype), str(layer.dh.dtype), [grad.copy() for grad in layer.grads]
