"""Signatures, defaults, names and documentation are looked at."""

import inspect

from common import normal, np, step


class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.params, self.grads = [], []
        self.dropout_ratio = dropout_ratio
        self.mask = None

    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = np.random.rand(*x.shape) > self.dropout_ratio
            return x * self.mask
        else:
            return x * (1.0 - self.dropout_ratio)

    def backward(self, dout):
        return dout * self.mask


def run():
    yield step(Dropout(), normal(90, 60))
    yield str(inspect.signature(Dropout.forward)), str(inspect.signature(Dropout(0.5).forward))
    yield Dropout.forward.__defaults__, Dropout.forward.__qualname__, Dropout.forward.__module__
    yield inspect.getfullargspec(Dropout.forward).args, Dropout.forward.__doc__
    yield inspect.getsource(Dropout.forward)
