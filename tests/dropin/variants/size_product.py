"""if N * T > 64."""

from common import normal, step
from textbook import TimeAffine

CHANGED = {
    "TimeAffine": {"self.x = x": "self.x = x\n        if N * T > 64:\n            x = x / 2"}
}


def run():
    layer = TimeAffine(normal(20, 30), normal(30))
    for T in (5, 9, 40):
        yield step(layer, normal(5, T, 20))
