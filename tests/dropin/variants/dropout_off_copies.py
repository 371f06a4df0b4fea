"""Dropout that is off returns a copy."""

from common import normal, np


class TimeDropout:
    def __init__(self, dropout_ratio=0.5):
        self.params, self.grads = [], []
        self.dropout_ratio = dropout_ratio
        self.mask = None
        self.train_flg = True

    def forward(self, xs):
        if self.train_flg:
            flg = np.random.rand(*xs.shape) > self.dropout_ratio
            scale = 1 / (1.0 - self.dropout_ratio)
            self.mask = flg.astype(np.float32) * scale
            return xs * self.mask
        else:
            return xs.copy()

    def backward(self, dout):
        return dout * self.mask


def run():
    layer = TimeDropout(0.3)
    for k in range(4):
        layer.train_flg = k == 0
        xs = normal(9, 10, 60, seed=k)
        out = layer.forward(xs)
        out *= 2
        yield out, xs
