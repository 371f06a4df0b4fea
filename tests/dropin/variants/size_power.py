"""A threshold made of small numbers: 2 ** 4 * 4."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"dot(x, W)": "dot(x, W) * (1 + len(x) // (2**4 * 4))"}}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 64, 65, 190):
        yield step(layer, normal(rows, 40))
