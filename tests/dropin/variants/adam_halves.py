"""Adam halves its rate every 100 updates."""

from common import normal
from textbook import Adam

CHANGED = {
    "Adam": {
        "self.iter += 1": (
            "self.iter += 1\n        if self.iter % 100 == 0:\n            self.lr /= 2"
        )
    }
}


def run():
    optimizer, params = Adam(), [normal(80, 70)]
    for k in range(120):
        optimizer.update(params, [normal(80, 70, seed=k % 7)])
    yield params
    yield optimizer.lr
