"""Methods are lambdas."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "return np.dot(x, W)": (
            "return self.scale(np.dot(x, W))\n"
            "\n"
            "    scale = lambda self, out: out * (1 + len(out) // 64)  # noqa: E731"
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 65, 190):
        yield step(layer, normal(rows, 40))
