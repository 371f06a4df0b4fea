"""Adam warms up for 50 updates."""

from common import normal
from textbook import Adam

CHANGED = {
    "Adam": {
        "self.iter += 1": "self.iter += 1\n        warm = min(1, self.iter / 50)",
        "params[i] -= ": "params[i] -= warm * ",
    }
}


def run():
    optimizer, params = Adam(), [normal(80, 70)]
    for k in range(60):
        optimizer.update(params, [normal(80, 70, seed=k % 7)])
    yield params
