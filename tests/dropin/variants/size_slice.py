"""Only the first 64 rows get a bias."""

from common import normal, np, step


class Affine:
    def __init__(self, W, b):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        W, b = self.params
        self.x = x
        out = np.dot(x, W)
        out[:64] += b
        return out

    def backward(self, dout):
        W, b = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        self.grads[1][...] = np.sum(dout, axis=0)
        return np.dot(dout, W.T)


def run():
    layer = Affine(normal(40, 30), normal(30))
    for rows in (50, 65, 90):
        yield step(layer, normal(rows, 40))
