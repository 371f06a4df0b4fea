"""Methods are lambdas."""

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return self.scale(np.dot(x, W))

    scale = lambda self, out: out * (1 + len(out) // 64)  # noqa: E731

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 65, 190):
        yield step(layer, normal(rows, 40))
