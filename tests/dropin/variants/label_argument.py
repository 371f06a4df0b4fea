"""ignore_label is an argument."""

from common import ids, normal, np, step
from textbook import softmax


class TimeSoftmaxWithLoss:
    def __init__(self, ignore_label=3):
        self.params, self.grads = [], []
        self.cache = None
        self.ignore_label = ignore_label

    def forward(self, xs, ts):
        N, T, V = xs.shape
        if ts.ndim == 3:
            ts = ts.argmax(axis=2)
        mask = ts != self.ignore_label
        ts = ts.reshape(N * T)
        mask = mask.reshape(N * T)
        ys = softmax(xs.reshape(N * T, V))
        ls = np.log(ys[np.arange(N * T), ts])
        ls *= mask
        loss = -np.sum(ls)
        loss /= mask.sum()
        self.cache = (ts, ys, mask, (N, T, V))
        return loss

    def backward(self, dout=1):
        ts, ys, mask, (N, T, V) = self.cache
        dx = ys
        dx[np.arange(N * T), ts] -= 1
        dx *= dout
        dx /= mask.sum()
        dx *= mask[:, np.newaxis]
        return dx.reshape((N, T, V))


def run():
    for label in (3, 11, -1):
        layer = TimeSoftmaxWithLoss(label)
        yield step(layer, normal(3, 9, 20), ids(20, 3, 9))
        layer.ignore_label = 5
        yield step(layer, normal(3, 9, 20), ids(20, 3, 9))
