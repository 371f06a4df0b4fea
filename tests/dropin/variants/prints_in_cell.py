"""The cell prints at each step."""

from common import normal, step
from textbook import TimeRNN

CHANGED = {
    "RNN": {"= (x, h_prev, h_next)": '= (x, h_prev, h_next)\n        print("step")'},
    "TimeRNN": {},
}


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for k in range(4):
        yield step(layer, normal(3, 9, 6, seed=k))
        yield layer.dh
