"""layer.mask is rebound between forward and backward."""

from common import normal, np


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
    layer = Dropout(0.3)
    for k in range(3):
        out = layer.forward(normal(90, 60, seed=k))
        layer.mask = np.ones(out.shape, bool)
        yield layer.backward(out)
