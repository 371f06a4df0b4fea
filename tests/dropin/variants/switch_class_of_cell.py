"""An attribute of the cell's class."""

from common import normal, step
from textbook import RNN, TimeRNN

CHANGED = {
    "RNN": {"class RNN:": "class RNN:\n    gain = 1\n", " np.tanh(": " np.tanh(self.gain * "},
    "TimeRNN": {},
}


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    yield step(layer, normal(3, 9, 6))
    RNN.gain = 2
    yield step(layer, normal(3, 9, 6))
