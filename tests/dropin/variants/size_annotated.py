"""A threshold made of a small number with an annotated name."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "return np.dot(x, W)": (
            "out = np.dot(x, W)\n"
            "        four: int = 4\n"
            "        out[four * four * four :] *= 2\n"
            "        return out"
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 64, 65, 190):
        yield step(layer, normal(rows, 40))
