"""The book's models on the slow layers: what a training step costs without compiled kernels.

They are those of `fastembed.models` on other layers, but for CBOW and SkipGram: here, as in the
book, these have a layer for each word of a context.
"""

from fastembed import models
from fastembed.models import _Model, _small
from fastembed.reference import layers


def _slow(model, **changes):
    """A model on the slow layers."""
    return type(model.__name__, (model,), {"_on": layers, **changes})


SimpleRnnlm, Rnnlm = _slow(models.SimpleRnnlm), _slow(models.Rnnlm)
BetterRnnlm = _slow(models.BetterRnnlm)
SimpleCBOW, SimpleSkipGram = _slow(models.SimpleCBOW), _slow(models.SimpleSkipGram)
Encoder, AttentionEncoder = _slow(models.Encoder), _slow(models.AttentionEncoder)
Decoder, PeekyDecoder = _slow(models.Decoder), _slow(models.PeekyDecoder)
AttentionDecoder = _slow(models.AttentionDecoder, _attends=layers.TimeAttention)
Seq2seq = _slow(models.Seq2seq, parts=(Encoder, Decoder))
PeekySeq2seq = _slow(models.PeekySeq2seq, parts=(Encoder, PeekyDecoder))
AttentionSeq2seq = _slow(models.AttentionSeq2seq, parts=(AttentionEncoder, AttentionDecoder))


class CBOW(_Model):
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (_small(vocab_size, hidden_size) for _ in range(2))
        self.in_layers = [layers.Embedding(W_in) for _ in range(2 * window_size)]
        self.ns_loss = layers.NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5)
        self.word_vecs = W_in
        self._collect(*self.in_layers, self.ns_loss)

    def forward(self, contexts, target):
        h = sum(layer.forward(contexts[:, k]) for k, layer in enumerate(self.in_layers))
        return self.ns_loss.forward(h * (1 / len(self.in_layers)), target)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout) * (1 / len(self.in_layers))
        for layer in self.in_layers:
            layer.backward(dh)


class SkipGram(_Model):
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (_small(vocab_size, hidden_size) for _ in range(2))
        self.in_layer = layers.Embedding(W_in)
        self.loss_layers = [
            layers.NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5)
            for _ in range(2 * window_size)
        ]
        self.word_vecs = W_in
        self._collect(self.in_layer, *self.loss_layers)

    def forward(self, contexts, target):
        h = self.in_layer.forward(target)
        return sum(layer.forward(h, contexts[:, k]) for k, layer in enumerate(self.loss_layers))

    def backward(self, dout=1):
        self.in_layer.backward(sum(layer.backward(dout) for layer in self.loss_layers))
