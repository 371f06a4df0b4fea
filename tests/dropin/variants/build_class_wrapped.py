"""Another tool wraps __build_class__ and stays there."""

import builtins

from common import normal, np, step, turn_off_and_on


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    own = builtins.__build_class__

    def build(function, name, *bases, **options):
        return own(function, name, *bases, **options)

    builtins.__build_class__ = build
    turn_off_and_on()

    class Inner:
        pass

    builtins.__build_class__ = own
    yield Inner.__name__
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
