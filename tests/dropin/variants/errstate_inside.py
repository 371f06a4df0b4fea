"""The layer itself sets np.errstate."""

from common import normal, np, step
from textbook import Softmax

CHANGED = {
    "Softmax": {
        "self.out = softmax(x)": 'with np.errstate(all="raise"):\n            self.out = softmax(x)'
    }
}


def run():
    layer = Softmax()
    yield step(layer, normal(90, 60))
    try:
        yield layer.forward(np.full((90, 60), np.inf, "f"))
    except FloatingPointError as error:
        yield str(error)
