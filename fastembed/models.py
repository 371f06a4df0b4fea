"""The book's models: language models, word vectors, sequence to sequence.

Constructors take the book's arguments and draw the same numbers from ``np.random``: with the same
seed, the parameters are the same.
"""

import numpy as np

from fastembed import ops
from fastembed.attention import TimeAttention
from fastembed.base_model import BaseModel
from fastembed.functions import softmax
from fastembed.layers import Embedding, MatMul, SoftmaxWithLoss, UnigramSampler
from fastembed.time_layers import (
    TimeAffine,
    TimeAffineSoftmaxWithLoss,
    TimeDropout,
    TimeEmbedding,
    TimeLSTM,
    TimeRNN,
    TimeSoftmaxWithLoss,
)

__all__ = [
    "AttentionDecoder",
    "AttentionEncoder",
    "AttentionSeq2seq",
    "BetterRnnlm",
    "BetterRnnlmGen",
    "CBOW",
    "Decoder",
    "Encoder",
    "PeekyDecoder",
    "PeekySeq2seq",
    "Rnnlm",
    "RnnlmGen",
    "Seq2seq",
    "SimpleCBOW",
    "SimpleRnnlm",
    "SimpleSkipGram",
    "SkipGram",
]


# ---- parameters


def _normal(rows, columns, scale):
    return (np.random.randn(rows, columns) / scale).astype("f")


def _small(rows, columns):
    return 0.01 * np.random.randn(rows, columns).astype("f")


def _embedding(V, D):
    return TimeEmbedding(_normal(V, D, 100))


def _lstm(D, H, stateful=True):
    Wx = _normal(D, 4 * H, np.sqrt(D))
    Wh = _normal(H, 4 * H, np.sqrt(H))
    return TimeLSTM(Wx, Wh, np.zeros(4 * H, "f"), stateful=stateful)


def _affine(H, V):
    return TimeAffine(_normal(H, V, np.sqrt(H)), np.zeros(V, "f"))


def _collect(model, layers):
    """Gather the layers' params and grads into the model's lists."""
    model.params = [param for layer in layers for param in layer.params]
    model.grads = [grad for layer in layers for grad in layer.grads]


# ---- language models


class _LanguageModel(BaseModel):
    """Layers in a row with a loss behind; recurrent layers keep their state between calls."""

    def _build(self, layers):
        self.layers = layers
        self.loss_layer = TimeSoftmaxWithLoss()
        self.drop_layers = [layer for layer in layers if isinstance(layer, TimeDropout)]
        self._recurrent = [layer for layer in layers if isinstance(layer, TimeRNN | TimeLSTM)]
        # the last layer and the loss in one, for training: no scores of all steps
        self._head = TimeAffineSoftmaxWithLoss.of(layers[-1])
        self._head_came_last = False
        _collect(self, layers)

    def predict(self, xs, train_flg=False):
        """Return the scores (N, T, V) of the words that follow xs (N, T)."""
        return self._run(self.layers, xs, train_flg)

    def forward(self, xs, ts, train_flg=True):
        """Return the loss of words xs (N, T) against the words to predict ts (N, T)."""
        self._head_came_last = train_flg and self._has_own_head()
        if not self._head_came_last:
            self.loss_layer.train_flg = train_flg
            return self.loss_layer.forward(self.predict(xs, train_flg), ts)
        self._head.ignore_label = self.loss_layer.ignore_label
        return self._head.forward(self._run(self.layers[:-1], xs, train_flg), ts)

    def backward(self, dout=1):
        """Fill grads."""
        layers = self.layers
        if self._head_came_last:
            layers = [*layers[:-1], self._head]
        else:
            dout = self.loss_layer.backward(dout)
        for layer in reversed(layers):
            dout = layer.backward(dout)
        return dout

    def _run(self, layers, xs, train_flg):
        for layer in self.drop_layers:
            layer.train_flg = train_flg
        for layer in layers:
            xs = layer.forward(xs)
        return xs

    def _has_own_head(self):
        """Whether nobody has replaced what the head stands for."""
        return (
            type(self).predict is _LanguageModel.predict
            and type(self.loss_layer) is TimeSoftmaxWithLoss
            and self.layers[-1].grads is self._head.grads
        )

    def reset_state(self):
        """Begin the next call with zero state."""
        for layer in self._recurrent:
            layer.reset_state()


class SimpleRnnlm(_LanguageModel):
    """Language model with a plain recurrent layer.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed = _embedding(V, D)
        Wx, Wh = _normal(D, H, np.sqrt(D)), _normal(H, H, np.sqrt(H))
        self.rnn_layer = TimeRNN(Wx, Wh, np.zeros(H, "f"), stateful=True)
        self._build([embed, self.rnn_layer, _affine(H, V)])


class Rnnlm(_LanguageModel):
    """Language model with one LSTM.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
    """

    def __init__(self, vocab_size=10000, wordvec_size=100, hidden_size=100):
        V, D, H = vocab_size, wordvec_size, hidden_size
        self._build([_embedding(V, D), _lstm(D, H), _affine(H, V)])
        self.lstm_layer = self.layers[1]


class BetterRnnlm(_LanguageModel):
    """Language model with two LSTMs, dropout, and one matrix for embedding and output.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
        wordvec_size and hidden_size must be equal: the weights are tied.
    dropout_ratio : float

    References
    ----------
    arXiv:1409.2329 (dropout), arXiv:1608.05859 and arXiv:1611.01462 (tied weights).
    """

    def __init__(self, vocab_size=10000, wordvec_size=650, hidden_size=650, dropout_ratio=0.5):
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed = _embedding(V, D)
        layers = [embed, TimeDropout(dropout_ratio), _lstm(D, H), TimeDropout(dropout_ratio)]
        layers += [_lstm(H, H), TimeDropout(dropout_ratio)]
        layers += [TimeAffine(embed.W.T, np.zeros(V, "f"))]  # a view: the weights are tied
        self._build(layers)
        self.lstm_layers = [layers[2], layers[4]]


class _Generator:
    """Text from a language model; states can be taken and put back."""

    def generate(self, start_id, skip_ids=None, sample_size=100, *, temperature=1.0):
        """Sample words, beginning with start_id and the present state.

        Parameters
        ----------
        start_id : int
        skip_ids : collection of int, optional
            Words that must not come.
        sample_size : int
            How many words, start_id among them.
        temperature : float
            Scores are divided by it; 0 always takes the most probable word.

        Returns
        -------
        list of int
        """
        if not temperature >= 0:
            raise ValueError(f"temperature must be >= 0, got {temperature}")
        skip = [] if skip_ids is None else [int(k) for k in skip_ids]
        word_ids = [int(start_id)]
        while len(word_ids) < sample_size:
            p = self._distribution(word_ids[-1], temperature, skip)
            word = int(np.random.choice(len(p), p=p)) if temperature else int(np.argmax(p))
            if word not in skip:
                word_ids.append(word)
        return word_ids

    def beam_search(self, start_id, sample_size=100, beam_size=4, skip_ids=None):
        """Return the most probable words that a beam of beam_size candidates finds.

        Parameters
        ----------
        start_id : int
        sample_size : int
            How many words, start_id among them.
        beam_size : int
        skip_ids : collection of int, optional
            Words that must not come.

        Returns
        -------
        list of int
        """
        return [int(start_id)] + _beam_search(
            lambda words: self.predict(words)[:, -1],
            self._recurrent,
            start_id,
            sample_size - 1,
            beam_size,
            skip_ids,
        )

    def _distribution(self, word, temperature, skip):
        scores = self.predict(np.array([[word]])).reshape(-1)
        if temperature == 0:
            scores[skip] = -np.inf
            return scores
        return softmax(scores if temperature == 1 else scores / np.float32(temperature))


class RnnlmGen(_Generator, Rnnlm):
    """Rnnlm that generates text."""

    def get_state(self):
        """The LSTM's (h, c)."""
        return self.lstm_layer.h, self.lstm_layer.c

    def set_state(self, state):
        """Put back what get_state gave."""
        self.lstm_layer.set_state(*state)


class BetterRnnlmGen(_Generator, BetterRnnlm):
    """BetterRnnlm that generates text."""

    def get_state(self):
        """A list of (h, c), one for each LSTM."""
        return [(layer.h, layer.c) for layer in self.lstm_layers]

    def set_state(self, states):
        """Put back what get_state gave."""
        for layer, state in zip(self.lstm_layers, states, strict=True):
            layer.set_state(*state)


# ---- word vectors


class SimpleCBOW:
    """Guess a word from the two around it; words are one-hot rows.

    Parameters
    ----------
    vocab_size, hidden_size : int

    Attributes
    ----------
    word_vecs : (V, H) ndarray
    """

    def __init__(self, vocab_size, hidden_size):
        W_in, W_out = _small(vocab_size, hidden_size), _small(hidden_size, vocab_size)
        self.in_layer0 = MatMul(W_in)
        self.in_layer1 = MatMul(W_in)
        self.out_layer = MatMul(W_out)
        self.loss_layer = SoftmaxWithLoss()
        self.word_vecs = W_in
        _collect(self, [self.in_layer0, self.in_layer1, self.out_layer])

    def forward(self, contexts, target):
        """Return the loss of contexts (N, 2, V) against target (N, V), all one-hot."""
        h = self.in_layer0.forward(contexts[:, 0]) + self.in_layer1.forward(contexts[:, 1])
        return self.loss_layer.forward(self.out_layer.forward(h * 0.5), target)

    def backward(self, dout=1):
        """Fill grads."""
        da = self.out_layer.backward(self.loss_layer.backward(dout))
        da *= 0.5
        self.in_layer1.backward(da)
        self.in_layer0.backward(da)


class SimpleSkipGram:
    """Guess the two words around a word; words are one-hot rows.

    Parameters
    ----------
    vocab_size, hidden_size : int

    Attributes
    ----------
    word_vecs : (V, H) ndarray
    """

    def __init__(self, vocab_size, hidden_size):
        W_in, W_out = _small(vocab_size, hidden_size), _small(hidden_size, vocab_size)
        self.in_layer = MatMul(W_in)
        self.out_layer = MatMul(W_out)
        self.loss_layer1 = SoftmaxWithLoss()
        self.loss_layer2 = SoftmaxWithLoss()
        self.word_vecs = W_in
        _collect(self, [self.in_layer, self.out_layer])

    def forward(self, contexts, target):
        """Return the loss of contexts (N, 2, V) against target (N, V), all one-hot."""
        score = self.out_layer.forward(self.in_layer.forward(target))
        loss = self.loss_layer1.forward(score, contexts[:, 0])
        return loss + self.loss_layer2.forward(score, contexts[:, 1])

    def backward(self, dout=1):
        """Fill grads."""
        ds = self.loss_layer1.backward(dout) + self.loss_layer2.backward(dout)
        self.in_layer.backward(self.out_layer.backward(ds))


class _NegativeSampling:
    """Loss of h (N, D) against C target words each and words drawn for them; one gradient of W."""

    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.cache = None

    def forward(self, h, targets):
        (W,) = self.params
        N, C = targets.shape
        # column after column: the order in which the book's layers draw
        drawn = self.sampler.get_negative_sample(targets.T.reshape(-1)).reshape(C, N, -1)
        words = np.concatenate([targets.T[:, :, np.newaxis], drawn], axis=2)  # (C, N, 1 + S)
        words = words.transpose(1, 0, 2).reshape(N, -1)
        labels = np.zeros(words.shape[1], np.int32)
        labels[:: 1 + drawn.shape[2]] = 1
        loss, dscores = ops.negative_sampling_loss(h, W, words, labels)
        self.cache = (h, words, dscores)
        return loss

    def backward(self, dout=1):
        (W,), (dW,) = self.params, self.grads
        h, words, dscores = self.cache
        dscores = dscores * dscores.dtype.type(dout)
        return ops.negative_sampling_backward(dscores, h, W, words, dW)


class CBOW:
    """Guess a word from the words around it, with negative sampling.

    ``params`` are the two matrices, each once, where the book lists one for each of its layers:
    their gradients are what ``remove_duplicate`` would have added up.

    Parameters
    ----------
    vocab_size, hidden_size, window_size : int
    corpus : ndarray of int
        Words are drawn by their frequency in it.

    Attributes
    ----------
    word_vecs : (V, H) ndarray
    """

    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = _small(vocab_size, hidden_size), _small(vocab_size, hidden_size)
        self.in_layer = Embedding(W_in)
        self.ns_loss = _NegativeSampling(W_out, corpus, power=0.75, sample_size=5)
        self.word_vecs = W_in
        _collect(self, [self.in_layer, self.ns_loss])

    def forward(self, contexts, target):
        """Return the loss of contexts (N, 2 * window_size) against target (N,)."""
        h = self.in_layer.forward(contexts).mean(axis=1)
        return self.ns_loss.forward(h, target.reshape(-1, 1))

    def backward(self, dout=1):
        """Fill grads."""
        dh = self.ns_loss.backward(dout)
        N, C = self.in_layer.idx.shape
        dh *= 1 / C
        self.in_layer.backward(np.broadcast_to(dh[:, np.newaxis], (N, C, dh.shape[1])))


class SkipGram:
    """Guess the words around a word, with negative sampling.

    ``params`` are the two matrices, each once (see `CBOW`).

    Parameters
    ----------
    vocab_size, hidden_size, window_size : int
    corpus : ndarray of int
        Words are drawn by their frequency in it.

    Attributes
    ----------
    word_vecs : (V, H) ndarray
    """

    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = _small(vocab_size, hidden_size), _small(vocab_size, hidden_size)
        self.in_layer = Embedding(W_in)
        self.ns_loss = _NegativeSampling(W_out, corpus, power=0.75, sample_size=5)
        self.word_vecs = W_in
        _collect(self, [self.in_layer, self.ns_loss])

    def forward(self, contexts, target):
        """Return the loss of contexts (N, 2 * window_size) against target (N,)."""
        return self.ns_loss.forward(self.in_layer.forward(target), contexts)

    def backward(self, dout=1):
        """Fill grads."""
        self.in_layer.backward(self.ns_loss.backward(dout))


# ---- sequence to sequence


class Encoder:
    """Embedding and LSTM; gives the last h.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        self.embed = _embedding(vocab_size, wordvec_size)
        self.lstm = _lstm(wordvec_size, hidden_size, stateful=False)
        self.hs = None
        _collect(self, [self.embed, self.lstm])

    def forward(self, xs):
        """Return h (N, H) after the last of xs (N, T)."""
        self.hs = self.lstm.forward(self.embed.forward(xs))
        return self.hs[:, -1, :]

    def backward(self, dh):
        """Fill grads from dh (N, H)."""
        dhs = np.zeros_like(self.hs)
        dhs[:, -1, :] = dh
        return self.embed.backward(self.lstm.backward(dhs))


class Decoder:
    """Embedding, LSTM that begins with the encoder's h, and output layer.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        V, D, H = vocab_size, wordvec_size, hidden_size
        self.embed = _embedding(V, D)
        self.lstm = _lstm(D, H)
        self.affine = _affine(H, V)
        _collect(self, [self.embed, self.lstm, self.affine])

    def forward(self, xs, h):
        """Return the scores (N, T, V) of the words after xs (N, T), given h (N, H)."""
        self._begin(h)
        return self._scores(xs, h)

    def backward(self, dscore):
        """Fill grads from dscore (N, T, V); returns the gradient of h."""
        dout = self.lstm.backward(self.affine.backward(dscore))
        self.embed.backward(dout)
        return self.lstm.dh

    def generate(self, h, start_id, sample_size):
        """Return sample_size ids, each the most probable after the last."""
        self._begin(h)
        sampled, word = [], int(start_id)
        for _ in range(sample_size):
            word = int(np.argmax(self._scores(np.array([[word]]), h)))
            sampled.append(word)
        return sampled

    def beam_search(self, h, start_id, sample_size, beam_size=4):
        """Return the most probable sample_size ids that a beam of beam_size candidates finds."""
        self._begin(h)

        def advance(words):
            return self._scores(words, np.repeat(h, len(words), axis=0))[:, -1]

        return _beam_search(advance, [self.lstm], start_id, sample_size, beam_size)

    def _begin(self, h):
        self.lstm.set_state(h)

    def _scores(self, xs, h):
        return self.affine.forward(self.lstm.forward(self.embed.forward(xs)))


class PeekyDecoder(Decoder):
    """Decoder whose LSTM and output layer see the encoder's h at every step."""

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        V, D, H = vocab_size, wordvec_size, hidden_size
        self.embed = _embedding(V, D)
        Wx, Wh = _normal(H + D, 4 * H, np.sqrt(H + D)), _normal(H, 4 * H, np.sqrt(H))
        self.lstm = TimeLSTM(Wx, Wh, np.zeros(4 * H, "f"), stateful=True)
        self.affine = _affine(H + H, V)
        _collect(self, [self.embed, self.lstm, self.affine])
        self.cache = None

    def backward(self, dscore):
        """Fill grads from dscore (N, T, V); returns the gradient of h."""
        H = self.cache
        dout = self.affine.backward(dscore)
        dh = dout[:, :, :H].sum(axis=1)
        dout = self.lstm.backward(dout[:, :, H:])
        dh += dout[:, :, :H].sum(axis=1)
        self.embed.backward(dout[:, :, H:])
        dh += self.lstm.dh
        return dh

    def _scores(self, xs, h):
        (N, T), H = xs.shape, h.shape[1]
        self.cache = H
        hs = np.broadcast_to(h[:, np.newaxis], (N, T, H))
        out = self.lstm.forward(np.concatenate((hs, self.embed.forward(xs)), axis=2))
        return self.affine.forward(np.concatenate((hs, out), axis=2))


class AttentionEncoder(Encoder):
    """Embedding and LSTM; gives h after every word."""

    def forward(self, xs):
        """Return hs (N, T, H) from xs (N, T)."""
        return self.lstm.forward(self.embed.forward(xs))

    def backward(self, dhs):
        """Fill grads from dhs (N, T, H)."""
        return self.embed.backward(self.lstm.backward(dhs))


class AttentionDecoder(Decoder):
    """Decoder that looks at all of the encoder's states at every step."""

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        V, D, H = vocab_size, wordvec_size, hidden_size
        self.embed = _embedding(V, D)
        self.lstm = _lstm(D, H)
        self.attention = TimeAttention()
        self.affine = _affine(2 * H, V)
        _collect(self, [self.embed, self.lstm, self.attention, self.affine])

    def backward(self, dscore):
        """Fill grads from dscore (N, T, V); returns the gradient of the encoder's states."""
        dout = self.affine.backward(dscore)
        H = dout.shape[2] // 2
        denc_hs, ddec_hs = self.attention.backward(dout[:, :, :H])
        ddec_hs += dout[:, :, H:]
        self.embed.backward(self.lstm.backward(ddec_hs))
        denc_hs[:, -1] += self.lstm.dh
        return denc_hs

    def _begin(self, enc_hs):
        self.lstm.set_state(enc_hs[:, -1])

    def _scores(self, xs, enc_hs):
        dec_hs = self.lstm.forward(self.embed.forward(xs))
        c = self.attention.forward(enc_hs, dec_hs)
        return self.affine.forward(np.concatenate((c, dec_hs), axis=2))


class Seq2seq(BaseModel):
    """Encoder and decoder.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        sizes = vocab_size, wordvec_size, hidden_size
        self._build(Encoder(*sizes), Decoder(*sizes))

    def _build(self, encoder, decoder):
        self.encoder, self.decoder = encoder, decoder
        self.softmax = TimeSoftmaxWithLoss()
        _collect(self, [encoder, decoder])

    def forward(self, xs, ts):
        """Return the loss of questions xs (N, T) and answers ts (N, T'), start mark first."""
        decoder_xs, decoder_ts = ts[:, :-1], ts[:, 1:]
        score = self.decoder.forward(decoder_xs, self.encoder.forward(xs))
        return self.softmax.forward(score, decoder_ts)

    def backward(self, dout=1):
        """Fill grads."""
        return self.encoder.backward(self.decoder.backward(self.softmax.backward(dout)))

    def generate(self, xs, start_id, sample_size):
        """Answer one question xs (1, T): sample_size ids, each the most probable after the last."""
        return self.decoder.generate(self.encoder.forward(xs), start_id, sample_size)

    def beam_search(self, xs, start_id, sample_size, beam_size=4):
        """Answer one question xs (1, T) by beam search; beam_size 1 is generate."""
        h = self.encoder.forward(xs)
        return self.decoder.beam_search(h, start_id, sample_size, beam_size)


class PeekySeq2seq(Seq2seq):
    """Encoder, and decoder that sees the encoder's h at every step.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        sizes = vocab_size, wordvec_size, hidden_size
        self._build(Encoder(*sizes), PeekyDecoder(*sizes))


class AttentionSeq2seq(Seq2seq):
    """Encoder, and decoder with attention; ``decoder.attention.attention_weights`` shows it.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
    """

    def __init__(self, vocab_size, wordvec_size, hidden_size):
        sizes = vocab_size, wordvec_size, hidden_size
        self._build(AttentionEncoder(*sizes), AttentionDecoder(*sizes))


def _beam_search(advance, recurrent, start_id, count, beam_size, skip_ids=None):
    """The best count words after start_id; advance(words (B, 1)) returns scores (B, V)."""
    if beam_size < 1:
        raise ValueError(f"beam_size must be >= 1, got {beam_size}")
    words = np.array([[int(start_id)]])
    totals = np.zeros(1)  # log-probability of each candidate
    for _ in range(count):
        p = softmax(advance(words[:, -1:]).astype(np.float64))
        with np.errstate(divide="ignore"):
            logs = np.log(p)
        if skip_ids is not None:
            logs[:, [int(k) for k in skip_ids]] = -np.inf
        scores = (totals[:, np.newaxis] + logs).reshape(-1)
        best = np.argsort(-scores, kind="stable")[:beam_size]
        parents, chosen = np.divmod(best, logs.shape[1])
        totals = scores[best]
        words = np.concatenate([words[parents], chosen[:, np.newaxis]], axis=1)
        for layer in recurrent:
            layer.h = layer.h[parents]
            if isinstance(layer, TimeLSTM):
                layer.c = layer.c[parents]
    return words[0, 1:].tolist()
