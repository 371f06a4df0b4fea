"""The first call of a layer scales by 2."""

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        scale = 2 if self.x is None else 1
        self.x = x
        return np.dot(x, W) * scale

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
