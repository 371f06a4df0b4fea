"""softmax is defined again later."""

from common import normal, step
from textbook import Softmax, softmax

CHANGED = {"softmax": {}, "Softmax": {}}


def run():
    global softmax
    layer = Softmax()
    yield step(layer, normal(90, 60))
    own = softmax
    softmax = lambda x: own(x) ** 2  # noqa: E731
    yield step(layer, normal(90, 60))
