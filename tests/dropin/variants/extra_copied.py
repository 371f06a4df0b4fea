"""An extra attribute is written into from outside."""

from common import normal, np


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None
        self.last = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        self.last = x.copy()
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.last.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(400, 300))
    for k in range(4):
        x = normal(50, 400, seed=k)
        out = layer.forward(x)
        if k == 1:
            layer.last[...] = 1
        if k == 2:
            x[...] = 0
        if k == 3:
            layer.last = np.ones_like(x)
        yield layer.backward(out), layer.grads[0].copy()
