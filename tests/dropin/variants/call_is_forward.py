"""__call__ = forward is what runs, after a step by forward."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"return np.dot(x, W)\n": "return np.dot(x, W)\n\n    __call__ = forward\n"}}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    out = layer(normal(60, 40, seed=2))
    yield out, layer.backward(out), layer.grads[0].copy()
