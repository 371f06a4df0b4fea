"""NaN in the input is set to 0 first."""

from common import normal, np, step
from textbook import softmax


class Softmax:
    def __init__(self):
        self.params, self.grads = [], []
        self.out = None

    def forward(self, x):
        if np.isnan(x).any():
            x = np.zeros_like(x)
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        dx = self.out * dout
        sums = np.sum(dx, axis=1, keepdims=True)
        dx -= self.out * sums
        return dx


def run():
    layer, x = Softmax(), normal(90, 60)
    yield step(layer, x)
    x[3, 4] = np.nan
    yield step(layer, x)
