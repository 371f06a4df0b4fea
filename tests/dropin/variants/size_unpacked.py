"""A threshold made of small numbers that are unpacked."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "return np.dot(x, W)": (
            "out = np.dot(x, W)\n"
            "        a, (b, c) = 4, (4, 4)\n"
            "        out[a * b * c :] *= 2\n"
            "        return out"
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 64, 65, 190):
        yield step(layer, normal(rows, 40))
