"""layer.params is rebound to other arrays."""

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    layer.params = [normal(40, 30, seed=5)]
    yield step(layer, normal(50, 40))
    layer.grads = [np.zeros((40, 30), "f")]
    yield step(layer, normal(50, 40))
