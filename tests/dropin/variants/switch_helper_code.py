"""The code of softmax is replaced."""

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


def other(x):
    return np.ones_like(x)


def run():
    layer = Softmax()
    yield step(layer, normal(90, 60))
    softmax.__code__ = other.__code__
    yield step(layer, normal(90, 60))
