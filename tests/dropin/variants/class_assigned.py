"""The class of a layer is assigned between forward and backward."""

from book import TimeLSTM
from common import normal, step


class Other:
    def forward(self, xs):
        raise NotImplementedError

    def backward(self, dhs):
        return (
            [layer.cache[-1] for layer in self.layers],
            len(self.layers),
            isinstance(self.layers, list),
        )


class Under(TimeLSTM):
    def backward(self, dhs):
        return [layer.cache[-1] for layer in self.layers]


def run():
    for cls in (Under, Other):
        layer = TimeLSTM(0.3 * normal(6, 20), 0.3 * normal(5, 20), normal(20), True)
        yield step(layer, normal(3, 9, 6))
        out = layer.forward(normal(3, 9, 6))
        layer.__class__ = cls
        yield layer.backward(out)
