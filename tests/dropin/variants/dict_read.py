"""vars() of a layer gives its layers."""

from book import TimeLSTM, TimeSoftmaxWithLoss
from common import ids, normal


def run():
    layer = TimeLSTM(0.3 * normal(6, 20), 0.3 * normal(5, 20), normal(20), True)
    loss = TimeSoftmaxWithLoss()
    for _ in range(2):
        layer.forward(normal(3, 9, 6))
        found = layer.__dict__["layers"]
        yield isinstance(found, list), len(found)
        loss.forward(normal(9, 10, 60), ids(60, 9, 10))
        yield {key: isinstance(value, tuple) for key, value in vars(loss).items()}
