"""Forward raises for large inputs."""

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        if np.abs(x).max() > 9:
            raise ValueError("too large")
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    try:
        yield layer.forward(9 * normal(50, 40))
    except ValueError as error:
        yield str(error)
