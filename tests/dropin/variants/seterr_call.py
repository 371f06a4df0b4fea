"""np.seterrcall notes overflows."""

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer, seen = MatMul(normal(40, 30)), []
    yield step(layer, normal(50, 40))
    old = np.seterrcall(lambda kind, flag: seen.append(kind))
    with np.errstate(all="call"):
        yield layer.forward(3e38 * normal(50, 40))
    np.seterrcall(old)
    yield seen
