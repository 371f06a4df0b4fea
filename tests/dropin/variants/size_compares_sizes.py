"""More rows than columns are halved."""

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        out = np.dot(x, W)
        return out / 2 if x.shape[0] > x.shape[1] * 3 else out

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    for rows in (50, 120, 121):
        yield step(layer, normal(rows, 40))
