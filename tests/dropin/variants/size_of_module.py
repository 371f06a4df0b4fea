"""A threshold made of a small number that the module has."""

from common import normal, step
from textbook import MatMul

FOUR = 4
CHANGED = {
    "MatMul": {
        "return np.dot(x, W)": (
            "out = np.dot(x, W)\n        out[FOUR * FOUR * FOUR :] *= 2\n        return out"
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 64, 65, 190):
        yield step(layer, normal(rows, 40))
