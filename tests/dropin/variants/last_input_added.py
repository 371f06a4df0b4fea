"""Each call adds the last input."""

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        if self.x is not None and len(self.x) == len(x):
            x = x + self.x
        self.x = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
