"""type(self).gain."""

from common import normal, np, step


class MatMul:
    gain = 1

    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W) * type(self).gain

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    MatMul.gain = 3
    yield step(layer, normal(50, 40))
