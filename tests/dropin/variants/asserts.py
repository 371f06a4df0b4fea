"""Forward asserts the number of rows."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"self.x = x": "self.x = x\n        assert len(x) < 60"}}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    try:
        yield layer.forward(normal(70, 40))
    except AssertionError:
        yield "raised"
