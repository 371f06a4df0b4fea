"""The gradient of a loss is a NumPy array without axes."""

from common import ids, normal, np
from textbook import TimeSoftmaxWithLoss


def run():
    layer = TimeSoftmaxWithLoss()
    for dout in (1, 0.5, np.array(0.25), np.float32(2), True):
        yield layer.forward(normal(3, 9, 20), ids(20, 3, 9))
        yield layer.backward(dout)
