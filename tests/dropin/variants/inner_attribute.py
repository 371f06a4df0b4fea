"""An attribute of the loss layers inside is set."""

from book import EmbeddingDot, UnigramSampler, cross_entropy_error, sigmoid
from common import ids, normal, np, step


class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []
        self.loss = self.y = self.t = None
        self.weight = 1

    def forward(self, x, t):
        self.t = t
        self.y = sigmoid(x)
        self.loss = self.weight * cross_entropy_error(np.stack([1 - self.y, self.y], axis=1), t)
        return self.loss

    def backward(self, dout=1):
        return self.weight * (self.y - self.t) * dout / len(self.t)


class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.sample_size = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.loss_layers = [SigmoidWithLoss() for _ in range(1 + sample_size)]
        self.embed_dot_layers = [EmbeddingDot(W) for _ in range(1 + sample_size)]
        self.params = [layer.params[0] for layer in self.embed_dot_layers]
        self.grads = [layer.grads[0] for layer in self.embed_dot_layers]

    def forward(self, h, target):
        words = np.column_stack([target, self.sampler.get_negative_sample(target)])
        loss = 0
        for k in range(1 + self.sample_size):
            label = np.full(len(words), k == 0, np.int32)
            score = self.embed_dot_layers[k].forward(h, words[:, k])
            loss += self.loss_layers[k].forward(score, label)
        return loss

    def backward(self, dout=1):
        pairs = zip(self.loss_layers, self.embed_dot_layers, strict=True)
        return sum(dot.backward(loss.backward(dout)) for loss, dot in pairs)


def run():
    layer = NegativeSamplingLoss(0.1 * normal(60, 40), ids(60, 5000))
    np.random.seed(3)
    yield step(layer, normal(70, 40), ids(60, 70))
    layer.loss_layers[0].weight = 2
    for _ in range(3):
        yield step(layer, normal(70, 40), ids(60, 70))
