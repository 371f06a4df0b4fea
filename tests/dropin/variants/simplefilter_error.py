"""simplefilter("error") guards against divergence."""

import warnings

from common import normal, np, step


def softmax(x):
    x = x - x.max(axis=1, keepdims=True)
    x = np.exp(x)
    x /= x.sum(axis=1, keepdims=True)
    return x


class Softmax:
    def __init__(self):
        self.params, self.grads = [], []
        self.out = None

    def forward(self, x):
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        dx = self.out * dout
        sums = np.sum(dx, axis=1, keepdims=True)
        dx -= self.out * sums
        return dx


def run():
    layer = Softmax()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield step(layer, normal(90, 60))
        try:
            yield layer.forward(np.full((90, 60), np.inf, "f"))
        except RuntimeWarning as error:
            yield str(error)
