"""A NaN guard without isnan: x == x."""

from common import normal, np, step
from textbook import Softmax

CHANGED = {"Softmax": {"softmax(x": "softmax(x * (x == x)"}}


def run():
    layer, x = Softmax(), normal(90, 60)
    yield step(layer, x)
    x[3, 4] = np.inf
    yield step(layer, x)
