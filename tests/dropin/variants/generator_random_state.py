"""A module-level RandomState makes the dropout mask."""

from common import normal, np, step
from textbook import Dropout

STATE = np.random.RandomState(5)


CHANGED = {"Dropout": {"np.random": "STATE"}}


def run():
    layer = Dropout(0.3)
    for k in range(3):
        yield step(layer, normal(90, 60, seed=k))
