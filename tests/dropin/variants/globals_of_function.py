"""Np.dot of another NumPy is put into the globals by exec."""

import textbook
from common import normal, np, step


def run():
    layer = textbook.MatMul(normal(400, 300))
    yield step(layer, normal(50, 400))
    fake = type(np)("numpy")
    vars(fake).update(vars(np), dot=lambda a, b: 2 * np.dot(a, b))
    textbook.MatMul.forward.__globals__["np"] = fake
    yield step(layer, normal(50, 400))
    textbook.np = np
    yield step(layer, normal(50, 400))
