"""np.tanh is replaced for some steps."""

from common import normal, np, step
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    yield step(layer, normal(3, 9, 6))
    own = np.tanh
    np.tanh = lambda x: own(x) / 2
    try:
        yield step(layer, normal(3, 9, 6))
    finally:
        np.tanh = own
    yield step(layer, normal(3, 9, 6))
