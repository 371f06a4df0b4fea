"""vars() of a layer are listed."""

from common import normal, step
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for k in range(4):
        yield step(layer, normal(3, 9, 6, seed=k))
        yield layer.dh
        yield sorted(vars(layer)), hasattr(layer, "layers"), hasattr(TimeRNN, "layers")
