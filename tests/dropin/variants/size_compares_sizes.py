"""More rows than columns are halved."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "return np.dot(x, W)": (
            "out = np.dot(x, W)\n        return out / 2 if x.shape[0] > x.shape[1] * 3 else out"
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 120, 121):
        yield step(layer, normal(rows, 40))
