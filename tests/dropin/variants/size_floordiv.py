"""Arithmetic with the number of rows hides a threshold."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"dot(x, W)": "dot(x, W) * (1 + len(x) // 64)"}}


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 64, 65, 190):
        yield step(layer, normal(rows, 40))
