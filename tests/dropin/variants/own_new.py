"""A class hands out numbers in __new__."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "class MatMul:": (
            "class MatMul:\n"
            "    made = 0\n"
            "\n"
            "    def __new__(cls, *args):\n"
            "        cls.made += 1\n"
            "        return super().__new__(cls)\n"
            ""
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield MatMul.made
