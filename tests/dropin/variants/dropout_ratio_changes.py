"""The ratio of dropout is annealed."""

from common import normal, np, step


class TimeDropout:
    def __init__(self, dropout_ratio=0.5):
        self.params, self.grads = [], []
        self.dropout_ratio = dropout_ratio
        self.mask = None
        self.train_flg = True

    def forward(self, xs):
        if self.train_flg:
            flg = np.random.rand(*xs.shape) > self.dropout_ratio
            scale = 1 / (1.0 - self.dropout_ratio)
            self.mask = flg.astype(np.float32) * scale
            return xs * self.mask
        else:
            return xs

    def backward(self, dout):
        return dout * self.mask


def run():
    layer = TimeDropout(0.3)
    for ratio in (0.3, 0.2, np.float64(0.1), 0):
        layer.dropout_ratio = ratio
        yield step(layer, normal(9, 10, 60))
