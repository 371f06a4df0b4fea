"""SGD skips parameters of more than 5000 entries."""

from common import normal
from textbook import SGD

CHANGED = {
    "SGD": {
        "for i in range(len(params)):": (
            "for i in range(len(params)):\n"
            "            if params[i].size > 5000:\n"
            "                continue"
        )
    }
}


def run():
    optimizer = SGD()
    params = [normal(80, 70), normal(70)]
    for k in range(6):
        optimizer.update(params, [normal(80, 70, seed=k), normal(70, seed=k)])
        yield [param.copy() for param in params]
