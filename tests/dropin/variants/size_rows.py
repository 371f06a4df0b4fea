"""More than 64 rows are halved."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "return np.dot(x, W)": "out = np.dot(x, W)\n        return out / 2 if len(x) > 64 else out"
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 64, 65, 90):
        yield step(layer, normal(rows, 40))
