"""TimeAffine.x is rebound between forward and backward."""

from common import normal, np


class TimeAffine:
    def __init__(self, W, b):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        N, T, D = x.shape
        W, b = self.params
        self.x = x
        return (np.dot(x.reshape(N * T, -1), W) + b).reshape(N, T, -1)

    def backward(self, dout):
        N, T, D = self.x.shape
        W, b = self.params
        dout = dout.reshape(N * T, -1)
        self.grads[0][...] = np.dot(self.x.reshape(N * T, -1).T, dout)
        self.grads[1][...] = np.sum(dout, axis=0)
        return np.dot(dout, W.T).reshape(N, T, D)


def run():
    layer = TimeAffine(normal(20, 30), normal(30))
    for k in range(3):
        out = layer.forward(normal(5, 9, 20, seed=k))
        layer.x = layer.x[::-1]
        yield layer.backward(out), layer.grads[0].copy()
