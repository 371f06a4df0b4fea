"""A GRU without bias."""

from book import GRU
from common import normal, np, step


class TimeGRU:
    def __init__(self, Wx, Wh, stateful=False):
        self.params = [Wx, Wh]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh)]
        self.layers = None
        self.h, self.dh = None, None
        self.stateful = stateful

    def forward(self, xs):
        N, T, D = xs.shape
        Wx, Wh = self.params
        H = Wh.shape[0]
        self.layers = []
        hs = np.empty((N, T, H), dtype="f")
        if not self.stateful or self.h is None:
            self.h = np.zeros((N, H), dtype="f")
        for t in range(T):
            layer = GRU(Wx, Wh, np.zeros(3 * H, dtype="f"))
            self.h = layer.forward(xs[:, t, :], self.h)
            hs[:, t, :] = self.h
            self.layers.append(layer)
        return hs

    def backward(self, dhs):
        N, T, H = dhs.shape
        Wx, Wh = self.params
        dxs = np.empty((N, T, Wx.shape[0]), dtype="f")
        dh = 0
        dWx, dWh = 0, 0
        for t in reversed(range(T)):
            layer = self.layers[t]
            dxs[:, t, :], dh = layer.backward(dhs[:, t, :] + dh)
            dWx += layer.grads[0]
            dWh += layer.grads[1]
        self.grads[0][...] = dWx
        self.grads[1][...] = dWh
        self.dh = dh
        return dxs


def run():
    layer = TimeGRU(normal(6, 15), normal(5, 15))
    for k in range(3):
        yield step(layer, normal(3, 9, 6, seed=k))
        yield layer.dh
