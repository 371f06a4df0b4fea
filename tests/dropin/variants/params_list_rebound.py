"""layer.params is rebound to other arrays."""

from common import normal, np, step
from textbook import MatMul


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    layer.params = [normal(40, 30, seed=5)]
    yield step(layer, normal(50, 40))
    layer.grads = [np.zeros((40, 30), "f")]
    yield step(layer, normal(50, 40))
