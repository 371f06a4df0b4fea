"""The constructor writes a line into a file."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None": (
            "self.x = None\n"
            '        with open("made.log", "a") as file:\n'
            '            file.write("made\\n")'
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
