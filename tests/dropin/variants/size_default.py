"""A threshold made of a small number that is a default."""

from common import normal, step
from textbook import MatMul


def halved(out, four=4):
    out[four * four * four :] *= 0.5
    return out


CHANGED = {"MatMul": {"return np.dot(x, W)": "return halved(np.dot(x, W))"}}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 64, 65, 190):
        yield step(layer, normal(rows, 40))
