"""The caches of the steps are looked at after forward and after backward."""

from common import normal
from textbook import TimeRNN


def run():
    layer = TimeRNN(0.3 * normal(6, 5), 0.3 * normal(5, 5), normal(5))
    for k in range(3):
        out = layer.forward(normal(3, 9, 6, seed=k))
        yield (
            [list(cell.cache) for cell in layer.layers],
            len(layer.layers),
            type(layer.layers).__name__,
        )
        yield layer.backward(out)
        yield [[grad.copy() for grad in cell.grads] for cell in layer.layers]
