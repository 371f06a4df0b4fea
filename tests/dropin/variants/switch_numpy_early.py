"""np.dot is replaced by the module before the class is defined."""

from common import normal, np, step

own = np.dot
np.dot = lambda a, b: own(a, b) * 2


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
    np.dot = own
    yield step(layer, normal(50, 40))
