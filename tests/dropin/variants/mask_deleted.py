"""The mask of a Dropout is deleted after each step, as before writing a model to a file."""

from common import normal, step
from textbook import Dropout


def run():
    layer = Dropout(0.3)
    for k in range(4):
        yield step(layer, normal(90, 60, seed=k))
        del layer.mask
        yield layer.forward(normal(90, 60), False), vars(layer)
