"""__getattribute__ and __setattr__ are put on classes after a step."""

from common import normal, np, step
from textbook import RNN, MatMul, TimeRNN


def doubled(self, name):
    value = object.__getattribute__(self, name)
    return 2 * value if name in ("x", "cache") and isinstance(value, np.ndarray) else value


def halved(self, name, value):
    object.__setattr__(self, name, value / 2 if name in ("x", "h") and value is not None else value)


def run():
    layer, rnn = MatMul(normal(400, 300)), TimeRNN(0.3 * normal(6, 5), normal(5, 5), normal(5))
    yield step(layer, normal(50, 400)), step(rnn, normal(3, 9, 6))
    for cls in (MatMul, RNN, TimeRNN):
        for name, hook in (("__getattribute__", doubled), ("__setattr__", halved)):
            setattr(cls, name, hook)
            try:
                yield step(layer, normal(50, 400)), step(rnn, normal(3, 9, 6))
            finally:
                delattr(cls, name)
    yield step(layer, normal(50, 400)), step(rnn, normal(3, 9, 6))
