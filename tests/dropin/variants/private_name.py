"""Forward keeps its input under a private name."""

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None
        self.__last = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        self.__last = x
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)

    def last(self):
        return self.__last


def run():
    layer = MatMul(normal(400, 300))
    for k in range(3):
        yield step(layer, normal(50, 400, seed=k)), layer.last(), sorted(n for n in vars(layer))
