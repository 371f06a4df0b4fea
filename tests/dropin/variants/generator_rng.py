"""A module-level default_rng is drawn from in the constructor."""

from common import normal, np, step
from textbook import MatMul

RNG = np.random.default_rng(3)


CHANGED = {"MatMul": {"self.x = None": "self.x = None\n        self.noise = RNG.random()"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield RNG.random()
