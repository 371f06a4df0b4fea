"""SGD leaves the fifth parameter alone."""

from common import normal
from textbook import SGD

CHANGED = {
    "SGD": {
        "for i in range(len(params)):": (
            "for i in range(len(params)):\n            if i == 4:\n                continue"
        )
    }
}


def run():
    optimizer = SGD()
    params = [normal(80, 70, seed=k) for k in range(7)]
    optimizer.update(params, [normal(80, 70, seed=k + 9) for k in range(7)])
    yield params
