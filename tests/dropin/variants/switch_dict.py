"""A flag in a dict of the module."""

from common import normal, np, step

CONFIG = {"scale": 1}


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W) * CONFIG["scale"]

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        CONFIG["scale"] = 1 + k
        yield step(layer, normal(50, 40, seed=k))
