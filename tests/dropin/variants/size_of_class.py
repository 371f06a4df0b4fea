"""A threshold made of a small number that the class has."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "def __init__": "four = 4\n\n    def __init__",
        "return np.dot(x, W)": (
            "out = np.dot(x, W)\n"
            "        out[self.four * self.four * self.four :] *= 2\n"
            "        return out"
        ),
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 64, 65, 190):
        yield step(layer, normal(rows, 40))
