"""__setattr__ scales what is stored."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None": (
            "self.x = None\n"
            "\n"
            "    def __setattr__(self, name, value):\n"
            "        object.__setattr__(\n"
            '            self, name, 2 * value if name == "x" and value is not None else value)'
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
