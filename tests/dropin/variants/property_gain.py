"""A gain behind a property."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None\n": (
            "self.x = None\n"
            "\n"
            "    @property\n"
            "    def gain(self):\n"
            "        return 1 + self.calls\n"
            "\n"
            "    calls = 0\n"
            ""
        ),
        "dot(x, W)": "dot(x, W) * self.gain",
    }
}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    layer.calls = 3
    yield step(layer, normal(50, 40))
