"""Nothing: the book's NegativeSamplingLoss, whose first layer keeps the target itself."""

from book import EmbeddingDot, SigmoidWithLoss, UnigramSampler
from common import ids, normal, np


class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.sample_size = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.loss_layers = [SigmoidWithLoss() for _ in range(sample_size + 1)]
        self.embed_dot_layers = [EmbeddingDot(W) for _ in range(sample_size + 1)]
        self.params, self.grads = [], []
        for layer in self.embed_dot_layers:
            self.params += layer.params
            self.grads += layer.grads

    def forward(self, h, target):
        size = target.shape[0]
        drawn = self.sampler.get_negative_sample(target)
        score = self.embed_dot_layers[0].forward(h, target)
        loss = self.loss_layers[0].forward(score, np.ones(size, dtype=np.int32))
        label = np.zeros(size, dtype=np.int32)
        for k in range(self.sample_size):
            score = self.embed_dot_layers[1 + k].forward(h, drawn[:, k])
            loss += self.loss_layers[1 + k].forward(score, label)
        return loss

    def backward(self, dout=1):
        dh = 0
        for loss, dot in zip(self.loss_layers, self.embed_dot_layers, strict=True):
            dh += dot.backward(loss.backward(dout))
        return dh


def run():
    layer = NegativeSamplingLoss(normal(50, 9), ids(50, 3000), sample_size=3)
    for k in range(4):
        yield layer.forward(normal(30, 9, seed=k), ids(50, 30, seed=k))
        yield layer.backward(), [grad.copy() for grad in layer.grads]
