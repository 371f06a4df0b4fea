"""layer.mask is rebound between forward and backward."""

from common import normal, np
from textbook import Dropout


def run():
    layer = Dropout(0.3)
    for k in range(3):
        out = layer.forward(normal(90, 60, seed=k))
        layer.mask = np.ones(out.shape, bool)
        yield layer.backward(out)
