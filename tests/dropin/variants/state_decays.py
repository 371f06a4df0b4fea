"""The state of a stateful layer decays between calls of different length."""

from common import normal, step
from textbook import TimeRNN

CHANGED = {
    "TimeRNN": {
        'self.h = np.zeros((N, H), dtype="f")': (
            'self.h = np.zeros((N, H), dtype="f")\n'
            "        elif T > 20:\n"
            "            self.h = self.h / 2"
        )
    }
}


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5), True)
    for T in (9, 9, 30, 9):
        yield step(layer, normal(3, T, 6))
