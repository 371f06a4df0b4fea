"""The loss is kept in an extra attribute."""

from common import ids, normal, np, step
from textbook import softmax


class TimeSoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []
        self.cache = None
        self.ignore_label = -1

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
        self.loss = loss
        return self.loss

    def backward(self, dout=1):
        ts, ys, mask, (N, T, V) = self.cache
        dx = ys
        dx[np.arange(N * T), ts] -= 1
        dx *= dout
        dx /= mask.sum()
        dx *= mask[:, np.newaxis]
        return dx.reshape((N, T, V))


def run():
    layer = TimeSoftmaxWithLoss()
    for k in range(3):
        yield step(layer, normal(3, 9, 20, seed=k), ids(20, 3, 9, seed=k))
        yield layer.loss
