"""The book's models on the slow layers: what a training step costs without compiled kernels."""

import numpy as np

from fastembed.reference.layers import (
    Embedding,
    MatMul,
    NegativeSamplingLoss,
    SoftmaxWithLoss,
    TimeAffine,
    TimeAttention,
    TimeDropout,
    TimeEmbedding,
    TimeLSTM,
    TimeRNN,
    TimeSoftmaxWithLoss,
)


def _normal(rows, columns, scale):
    return (np.random.randn(rows, columns) / scale).astype("f")


def _small(rows, columns):
    return 0.01 * np.random.randn(rows, columns).astype("f")


def _lstm(D, H, stateful=True):
    Wx = _normal(D, 4 * H, np.sqrt(D))
    Wh = _normal(H, 4 * H, np.sqrt(H))
    return TimeLSTM(Wx, Wh, np.zeros(4 * H, "f"), stateful=stateful)


def _affine(H, V):
    return TimeAffine(_normal(H, V, np.sqrt(H)), np.zeros(V, "f"))


def _collect(model, layers):
    model.params = [param for layer in layers for param in layer.params]
    model.grads = [grad for layer in layers for grad in layer.grads]


class _LanguageModel:
    def __init__(self, layers):
        self.layers = layers
        self.loss_layer = TimeSoftmaxWithLoss()
        _collect(self, layers)

    def predict(self, xs, train_flg=False):
        for layer in self.layers:
            if isinstance(layer, TimeDropout):
                layer.train_flg = train_flg
            xs = layer.forward(xs)
        return xs

    def forward(self, xs, ts, train_flg=True):
        return self.loss_layer.forward(self.predict(xs, train_flg), ts)

    def backward(self, dout=1):
        dout = self.loss_layer.backward(dout)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout

    def reset_state(self):
        for layer in self.layers:
            if isinstance(layer, TimeRNN | TimeLSTM):
                layer.reset_state()


class SimpleRnnlm(_LanguageModel):
    def __init__(self, vocab_size, wordvec_size, hidden_size):
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed = TimeEmbedding(_normal(V, D, 100))
        Wx, Wh = _normal(D, H, np.sqrt(D)), _normal(H, H, np.sqrt(H))
        rnn = TimeRNN(Wx, Wh, np.zeros(H, "f"), stateful=True)
        super().__init__([embed, rnn, _affine(H, V)])


class Rnnlm(_LanguageModel):
    def __init__(self, vocab_size=10000, wordvec_size=100, hidden_size=100):
        V, D, H = vocab_size, wordvec_size, hidden_size
        super().__init__([TimeEmbedding(_normal(V, D, 100)), _lstm(D, H), _affine(H, V)])


class BetterRnnlm(_LanguageModel):
    def __init__(self, vocab_size=10000, wordvec_size=650, hidden_size=650, dropout_ratio=0.5):
        V, D, H = vocab_size, wordvec_size, hidden_size
        W = _normal(V, D, 100)
        layers = [TimeEmbedding(W), TimeDropout(dropout_ratio)]
        layers += [_lstm(D, H), TimeDropout(dropout_ratio)]
        layers += [_lstm(H, H), TimeDropout(dropout_ratio)]
        super().__init__([*layers, TimeAffine(W.T, np.zeros(V, "f"))])


class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        V, H = vocab_size, hidden_size
        W_in, W_out = _small(V, H), _small(H, V)
        self.in_layers = [MatMul(W_in), MatMul(W_in)]
        self.out_layer = MatMul(W_out)
        self.loss_layer = SoftmaxWithLoss()
        self.word_vecs = W_in
        _collect(self, [*self.in_layers, self.out_layer])

    def forward(self, contexts, target):
        h = sum(layer.forward(contexts[:, k]) for k, layer in enumerate(self.in_layers)) * 0.5
        return self.loss_layer.forward(self.out_layer.forward(h), target)

    def backward(self, dout=1):
        dh = self.out_layer.backward(self.loss_layer.backward(dout)) * 0.5
        for layer in self.in_layers:
            layer.backward(dh)


class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        V, H = vocab_size, hidden_size
        W_in, W_out = _small(V, H), _small(H, V)
        self.in_layer = MatMul(W_in)
        self.out_layer = MatMul(W_out)
        self.loss_layers = [SoftmaxWithLoss(), SoftmaxWithLoss()]
        self.word_vecs = W_in
        _collect(self, [self.in_layer, self.out_layer])

    def forward(self, contexts, target):
        score = self.out_layer.forward(self.in_layer.forward(target))
        return sum(layer.forward(score, contexts[:, k]) for k, layer in enumerate(self.loss_layers))

    def backward(self, dout=1):
        ds = sum(layer.backward(dout) for layer in self.loss_layers)
        self.in_layer.backward(self.out_layer.backward(ds))


class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (_small(vocab_size, hidden_size) for _ in range(2))
        self.in_layers = [Embedding(W_in) for _ in range(2 * window_size)]
        self.ns_loss = NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5)
        self.word_vecs = W_in
        _collect(self, [*self.in_layers, self.ns_loss])

    def forward(self, contexts, target):
        h = sum(layer.forward(contexts[:, k]) for k, layer in enumerate(self.in_layers))
        return self.ns_loss.forward(h * (1 / len(self.in_layers)), target)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout) * (1 / len(self.in_layers))
        for layer in self.in_layers:
            layer.backward(dh)


class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (_small(vocab_size, hidden_size) for _ in range(2))
        self.in_layer = Embedding(W_in)
        self.loss_layers = [
            NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5)
            for _ in range(2 * window_size)
        ]
        self.word_vecs = W_in
        _collect(self, [self.in_layer, *self.loss_layers])

    def forward(self, contexts, target):
        h = self.in_layer.forward(target)
        return sum(layer.forward(h, contexts[:, k]) for k, layer in enumerate(self.loss_layers))

    def backward(self, dout=1):
        self.in_layer.backward(sum(layer.backward(dout) for layer in self.loss_layers))


class Encoder:
    def __init__(self, vocab_size, wordvec_size, hidden_size):
        self.embed = TimeEmbedding(_normal(vocab_size, wordvec_size, 100))
        self.lstm = _lstm(wordvec_size, hidden_size, stateful=False)
        self.hs = None
        _collect(self, [self.embed, self.lstm])

    def forward(self, xs):
        self.hs = self.lstm.forward(self.embed.forward(xs))
        return self.hs[:, -1]

    def backward(self, dh):
        dhs = np.zeros_like(self.hs)
        dhs[:, -1] = dh
        return self.embed.backward(self.lstm.backward(dhs))


class Decoder:
    def __init__(self, vocab_size, wordvec_size, hidden_size):
        self.build(vocab_size, wordvec_size, wordvec_size, hidden_size, hidden_size)

    def build(self, V, D, before, H, after):
        """The LSTM gets so many numbers of each word, and the output layer so many."""
        self.embed = TimeEmbedding(_normal(V, D, 100))
        self.lstm = _lstm(before, H)
        self.affine = _affine(after, V)
        _collect(self, [self.embed, self.lstm, self.affine])

    def forward(self, xs, h):
        self.start(h)
        return self.scores(xs, h)

    def scores(self, xs, h):
        return self.affine.forward(self.lstm.forward(self.embed.forward(xs)))

    def backward(self, dscore):
        self.embed.backward(self.lstm.backward(self.affine.backward(dscore)))
        return self.lstm.dh

    def generate(self, h, start_id, sample_size):
        self.start(h)
        ids = [start_id]
        for _ in range(sample_size):
            ids.append(int(np.argmax(self.scores(np.array([[ids[-1]]]), h))))
        return ids[1:]

    def start(self, h):
        self.lstm.set_state(h)


class PeekyDecoder(Decoder):
    """Every step of the LSTM and of the output layer sees the encoder's h."""

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        D, H = wordvec_size, hidden_size
        self.build(vocab_size, D, H + D, H, 2 * H)

    def scores(self, xs, h):
        hs = np.repeat(h[:, None], xs.shape[1], axis=1)
        out = self.lstm.forward(np.concatenate([hs, self.embed.forward(xs)], axis=2))
        return self.affine.forward(np.concatenate([hs, out], axis=2))

    def backward(self, dscore):
        H = self.lstm.h.shape[1]
        dhs_affine, dout = np.split(self.affine.backward(dscore), [H], axis=2)
        dhs_lstm, dout = np.split(self.lstm.backward(dout), [H], axis=2)
        self.embed.backward(dout)
        return self.lstm.dh + (dhs_affine + dhs_lstm).sum(axis=1)


class AttentionEncoder(Encoder):
    def forward(self, xs):
        return self.lstm.forward(self.embed.forward(xs))

    def backward(self, dhs):
        return self.embed.backward(self.lstm.backward(dhs))


class AttentionDecoder(Decoder):
    def __init__(self, vocab_size, wordvec_size, hidden_size):
        D, H = wordvec_size, hidden_size
        self.attention = TimeAttention()
        self.build(vocab_size, D, D, H, 2 * H)

    def start(self, hs_enc):
        self.lstm.set_state(hs_enc[:, -1])

    def scores(self, xs, hs_enc):
        hs = self.lstm.forward(self.embed.forward(xs))
        context = self.attention.forward(hs_enc, hs)
        return self.affine.forward(np.concatenate([context, hs], axis=2))

    def backward(self, dscore):
        dcontext, dhs = np.split(self.affine.backward(dscore), 2, axis=2)
        dhs_enc, dhs_attention = self.attention.backward(dcontext)
        self.embed.backward(self.lstm.backward(dhs + dhs_attention))
        dhs_enc[:, -1] += self.lstm.dh
        return dhs_enc


class Seq2seq:
    parts = Encoder, Decoder

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        self.encoder, self.decoder = (
            part(vocab_size, wordvec_size, hidden_size) for part in self.parts
        )
        self.softmax = TimeSoftmaxWithLoss()
        _collect(self, [self.encoder, self.decoder])

    def forward(self, xs, ts):
        score = self.decoder.forward(ts[:, :-1], self.encoder.forward(xs))
        return self.softmax.forward(score, ts[:, 1:])

    def backward(self, dout=1):
        return self.encoder.backward(self.decoder.backward(self.softmax.backward(dout)))

    def generate(self, xs, start_id, sample_size):
        return self.decoder.generate(self.encoder.forward(xs), start_id, sample_size)


class PeekySeq2seq(Seq2seq):
    parts = Encoder, PeekyDecoder


class AttentionSeq2seq(Seq2seq):
    parts = AttentionEncoder, AttentionDecoder
