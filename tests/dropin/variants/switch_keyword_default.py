"""The keyword-only default of a helper is changed in place."""

from common import normal, np, step


def product(x, W, *, gain=1):
    return gain * np.dot(x, W)


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return product(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(400, 300))
    for k in range(3):
        yield step(layer, normal(50, 400))
        product.__kwdefaults__["gain"] = k + 2
    product.__kwdefaults__ = {"gain": 5}
    yield step(layer, normal(50, 400))
