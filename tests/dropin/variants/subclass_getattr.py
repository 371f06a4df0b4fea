"""A subclass answers for attributes by __getattribute__."""

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


class Sub(MatMul):
    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        return [2 * value[0]] if name == "params" else value


def run():
    layer = Sub(normal(40, 30))
    yield step(layer, normal(50, 40))
