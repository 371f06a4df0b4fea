"""A NaN guard without isnan: x == x."""

from common import normal, np, step
from textbook import softmax


class Softmax:
    def __init__(self):
        self.params, self.grads = [], []
        self.out = None

    def forward(self, x):
        self.out = softmax(x * (x == x))
        return self.out

    def backward(self, dout):
        dx = self.out * dout
        sums = np.sum(dx, axis=1, keepdims=True)
        dx -= self.out * sums
        return dx


def run():
    layer, x = Softmax(), normal(90, 60)
    yield step(layer, x)
    x[3, 4] = np.inf
    yield step(layer, x)
