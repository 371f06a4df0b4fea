"""A threshold made of small numbers with names."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "return np.dot(x, W)": (
            "four = 4\n"
            "        limit = four * four * four\n"
            "        return np.dot(x, W) * (1 + len(x) // limit)"
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 64, 65, 190):
        yield step(layer, normal(rows, 40))
