"""Forward warns about large inputs."""

import warnings

from common import normal, np, step


class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        self.x = x
        warnings.warn("here", stacklevel=2)
        return np.dot(x, W)

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, W.T)


def run():
    layer = MatMul(normal(40, 30))
    for k in range(3):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            yield step(layer, normal(50, 40, seed=k))
        yield [str(w.message) for w in seen]
