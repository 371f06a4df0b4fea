"""Weights are views, read-only or of another order."""

from common import normal, np, step


class Affine:
    def __init__(self, W, b):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        W, b = self.params
        self.x = x
        return np.dot(x, W) + b

    def backward(self, dout):
        W, b = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        self.grads[1][...] = np.sum(dout, axis=0)
        return np.dot(dout, W.T)


def run():
    large = normal(80, 60)
    for W in (large[::2, ::2], np.asfortranarray(normal(40, 30)), large[:40, :30]):
        layer = Affine(W, normal(30))
        yield step(layer, normal(50, 40))
        W.flags.writeable = False
        yield step(layer, normal(50, 40))
