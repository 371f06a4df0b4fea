"""What is in vars() of a layer is printed, and reckoned with."""

from common import normal
from textbook import MatMul, TimeRNN

CHANGED = {"MatMul": {"self.x = x": "self.x = x\n        self.rows, self.half = len(x), 0.5 * x"}}


def run():
    layer, other = MatMul(normal(80, 60)), TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for k in range(4):
        x = normal(50, 80, seed=k)
        layer.forward(x)
        rows, half = vars(layer)["rows"], vars(layer)["half"]
        yield f"{rows} {rows:4d}", repr(rows), rows == 50, rows > 49.5, rows + 1.5, 1 - rows, -rows
        yield half**2, x / half, (half > 0).sum(), bool(rows), float(rows), int(rows), {rows: 1}
        half[0, 0] = 3
        yield half[0, 0], [0, 1][rows == 50], range(60)[rows], abs(half).max()
        other.forward(normal(3, 9, 6, seed=k))
        layers = vars(other)["layers"]
        yield len(layers + []), layers[0] in layers, len([None, *layers]), str(layers)[0]
