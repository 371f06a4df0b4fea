"""The keyword-only default of a helper is changed in place."""

from common import normal, np, step
from textbook import MatMul


def product(x, W, *, gain=1):
    return gain * np.dot(x, W)


CHANGED = {"MatMul": {"return np.dot(x, W)": "return product(x, W)"}}


def run():
    layer = MatMul(normal(400, 300))
    for k in range(3):
        yield step(layer, normal(50, 400))
        product.__kwdefaults__["gain"] = k + 2
    product.__kwdefaults__ = {"gain": 5}
    yield step(layer, normal(50, 400))
