"""The values of a dict in an attribute."""

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None
        self.options = {"scale": 1}

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W) * self.options["scale"]

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    layer.options["scale"] = 3
    yield step(layer, normal(50, 40))
