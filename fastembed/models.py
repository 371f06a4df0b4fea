"""The book's models: language models, word vectors, sequence to sequence.

Constructors take the book's arguments and draw the same numbers from ``np.random``: with the same
seed, the parameters are the same.
"""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastembed import time_layers
from fastembed._inputs import NOT_YET, Array, Scalar
from fastembed.attention import TimeAttention
from fastembed.base_model import BaseModel
from fastembed.functions import softmax
from fastembed.layers import Embedding, NegativeSamplingLoss
from fastembed.time_layers import TimeAffineSoftmaxWithLoss, TimeSoftmaxWithLoss

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


Words = Collection[int]
Advance = Callable[[Array], Array]  # from words (B, 1) to scores (B, V)


def _normal(rows: int, columns: int, scale: float) -> Array:
    return (np.random.randn(rows, columns) / scale).astype("f")


def _small(rows: int, columns: int) -> Array:
    return 0.01 * np.random.randn(rows, columns).astype("f")


class _Model(BaseModel):
    """A model whose params and grads are those of its layers, one after the other."""

    _on: Any = time_layers  # the module of the layers; the slow models have another

    def _collect(self, *layers: Any) -> None:
        self.params = [param for layer in layers for param in layer.params]
        self.grads = [grad for layer in layers for grad in layer.grads]

    def _embedding(self, V: int, D: int, **options: Any) -> time_layers.TimeEmbedding:
        layer: time_layers.TimeEmbedding = self._on.TimeEmbedding(_normal(V, D, 100), **options)
        return layer

    def _lstm(self, D: int, H: int, stateful: bool = True) -> time_layers.TimeLSTM:
        weights = [_normal(rows, 4 * H, np.sqrt(rows)) for rows in (D, H)]
        layer: time_layers.TimeLSTM = self._on.TimeLSTM(*weights, np.zeros(4 * H, "f"), stateful)
        return layer

    def _affine(self, H: int, V: int) -> time_layers.TimeAffine:
        W, b = _normal(H, V, np.sqrt(H)), np.zeros(V, "f")
        layer: time_layers.TimeAffine = self._on.TimeAffine(W, b)
        return layer


# ---- language models


class _LanguageModel(_Model):
    """Layers in a row with a loss behind; recurrent layers keep their state between calls."""

    def _build(self, layers: list[Any]) -> None:
        self.layers = layers
        self.loss_layer = self._on.TimeSoftmaxWithLoss()
        self.drop_layers = [layer for layer in layers if hasattr(layer, "dropout_ratio")]
        self._recurrent = [layer for layer in layers if hasattr(layer, "stateful")]
        # the last layer and the loss in one, for training: no scores of all steps
        self._head = TimeAffineSoftmaxWithLoss.of(layers[-1])
        self._head_came_last = False
        self._collect(*layers)

    def predict(self, xs: Array, train_flg: bool = False) -> Array:
        """Return the scores (N, T, V) of the words that follow xs (N, T)."""
        return self._run(self.layers, xs, train_flg)

    def forward(self, xs: Array, ts: Array, train_flg: bool = True) -> Scalar:
        """Return the loss of words xs (N, T) against the words to predict ts (N, T)."""
        self._head_came_last = train_flg and self._has_own_head()
        if not self._head_came_last:
            self.loss_layer.train_flg = train_flg
            return self.loss_layer.forward(self.predict(xs, train_flg), ts)
        self._head.ignore_label = self.loss_layer.ignore_label
        return self._head.forward(self._run(self.layers[:-1], xs, train_flg), ts)

    def backward(self, dout: Any = 1) -> None:
        """Fill grads."""
        layers = self.layers
        if self._head_came_last:
            layers = [*layers[:-1], self._head]
        else:
            dout = self.loss_layer.backward(dout)
        for layer in reversed(layers):
            dout = layer.backward(dout)

    def _run(self, layers: list[Any], xs: Array, train_flg: bool) -> Array:
        for layer in self.drop_layers:
            layer.train_flg = train_flg
        for layer in layers:
            xs = layer.forward(xs)
        return xs

    def _has_own_head(self) -> bool:
        """Whether nobody has replaced what the head stands for."""
        return (
            type(self).predict is _LanguageModel.predict
            and type(self.loss_layer) is TimeSoftmaxWithLoss
            and self.layers[-1].grads is self._head.grads
        )

    def reset_state(self) -> None:
        """Begin the next call with zero state."""
        for layer in self._recurrent:
            layer.reset_state()


class SimpleRnnlm(_LanguageModel):
    """Language model with a plain recurrent layer; arguments are those of `Rnnlm`."""

    def __init__(self, vocab_size: int, wordvec_size: int, hidden_size: int) -> None:
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed = self._embedding(V, D)
        Wx, Wh = _normal(D, H, np.sqrt(D)), _normal(H, H, np.sqrt(H))
        self.rnn_layer = self._on.TimeRNN(Wx, Wh, np.zeros(H, "f"), stateful=True)
        self._build([embed, self.rnn_layer, self._affine(H, V)])


class Rnnlm(_LanguageModel):
    """Language model with one LSTM.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
    sparse : bool
        The embedding's gradient is a `fastembed.sparse.RowSparse`.
    """

    def __init__(
        self,
        vocab_size: int = 10000,
        wordvec_size: int = 100,
        hidden_size: int = 100,
        *,
        sparse: bool = False,
    ) -> None:
        V, D, H = vocab_size, wordvec_size, hidden_size
        options = {"sparse": True} if sparse else {}  # the slow layers have none
        self._build([self._embedding(V, D, **options), self._lstm(D, H), self._affine(H, V)])
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

    def __init__(
        self,
        vocab_size: int = 10000,
        wordvec_size: int = 650,
        hidden_size: int = 650,
        dropout_ratio: float = 0.5,
    ) -> None:
        V, D, H = vocab_size, wordvec_size, hidden_size
        embed = self._embedding(V, D)
        lstms = [self._lstm(D, H), self._lstm(H, H)]
        out = self._on.TimeAffine(embed.W.T, np.zeros(V, "f"))  # a view: the weights are tied
        drops = [self._on.TimeDropout(dropout_ratio) for _ in range(3)]
        self._build([embed, drops[0], lstms[0], drops[1], lstms[1], drops[2], out])
        self.lstm_layers = lstms


class _Generator(_LanguageModel):
    """Text from a language model; states can be taken and put back."""

    def generate(
        self,
        start_id: int,
        skip_ids: Words | None = None,
        sample_size: int = 100,
        *,
        temperature: float = 1.0,
    ) -> list[int]:
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

    def beam_search(
        self,
        start_id: int,
        sample_size: int = 100,
        beam_size: int = 4,
        skip_ids: Words | None = None,
    ) -> list[int]:
        """Return the most probable words that a beam of beam_size candidates finds, a list of int.

        The other arguments are those of `generate`.
        """

        def advance(words: Array) -> Array:
            return self.predict(words)[:, -1]

        count = sample_size - 1
        skip = () if skip_ids is None else skip_ids
        found = _beam_search(advance, self._recurrent, start_id, count, beam_size, skip)
        return [int(start_id), *found]

    def _distribution(self, word: int, temperature: float, skip: list[int]) -> Array:
        scores = self.predict(np.array([[word]])).reshape(-1)
        if temperature == 0:
            scores[skip] = -np.inf
            return scores
        return softmax(scores if temperature == 1 else scores / np.float32(temperature))


class RnnlmGen(_Generator, Rnnlm):
    """Rnnlm that generates text."""

    def get_state(self) -> Any:
        """The LSTM's (h, c)."""
        return self.lstm_layer.h, self.lstm_layer.c

    def set_state(self, state: Any) -> None:
        """Put back what get_state gave."""
        self.lstm_layer.set_state(*state)


class BetterRnnlmGen(_Generator, BetterRnnlm):
    """BetterRnnlm that generates text."""

    def get_state(self) -> Any:
        """A list of (h, c), one for each LSTM."""
        return [(layer.h, layer.c) for layer in self.lstm_layers]

    def set_state(self, states: Any) -> None:
        """Put back what get_state gave."""
        for layer, state in zip(self.lstm_layers, states, strict=True):
            layer.set_state(*state)


# ---- word vectors


class SimpleCBOW(_Model):
    """Guess a word from the two around it; words are one-hot rows.

    Parameters
    ----------
    vocab_size, hidden_size : int

    Attributes
    ----------
    word_vecs : (V, H) ndarray
    """

    def __init__(self, vocab_size: int, hidden_size: int) -> None:
        W_in, W_out = _small(vocab_size, hidden_size), _small(hidden_size, vocab_size)
        self.in_layer0 = self._on.MatMul(W_in)
        self.in_layer1 = self._on.MatMul(W_in)
        self.out_layer = self._on.MatMul(W_out)
        self.loss_layer = self._on.SoftmaxWithLoss()
        self.word_vecs = W_in
        self._collect(self.in_layer0, self.in_layer1, self.out_layer)

    def forward(self, contexts: Array, target: Array) -> Scalar:
        """Return the loss of contexts (N, 2, V) against target (N, V), all one-hot."""
        h = self.in_layer0.forward(contexts[:, 0]) + self.in_layer1.forward(contexts[:, 1])
        return self.loss_layer.forward(self.out_layer.forward(h * 0.5), target)

    def backward(self, dout: float = 1) -> None:
        """Fill grads."""
        da = self.out_layer.backward(self.loss_layer.backward(dout))
        da *= 0.5
        self.in_layer1.backward(da)
        self.in_layer0.backward(da)


class SimpleSkipGram(_Model):
    """Guess the two words around a word; arguments and attributes are those of `SimpleCBOW`."""

    def __init__(self, vocab_size: int, hidden_size: int) -> None:
        W_in, W_out = _small(vocab_size, hidden_size), _small(hidden_size, vocab_size)
        self.in_layer = self._on.MatMul(W_in)
        self.out_layer = self._on.MatMul(W_out)
        self.loss_layer1 = self._on.SoftmaxWithLoss()
        self.loss_layer2 = self._on.SoftmaxWithLoss()
        self.word_vecs = W_in
        self._collect(self.in_layer, self.out_layer)

    def forward(self, contexts: Array, target: Array) -> Scalar:
        """Return the loss of contexts (N, 2, V) against target (N, V), all one-hot."""
        score = self.out_layer.forward(self.in_layer.forward(target))
        loss = self.loss_layer1.forward(score, contexts[:, 0])
        return loss + self.loss_layer2.forward(score, contexts[:, 1])

    def backward(self, dout: float = 1) -> None:
        """Fill grads."""
        ds = self.loss_layer1.backward(dout) + self.loss_layer2.backward(dout)
        self.in_layer.backward(self.out_layer.backward(ds))


class _NegativeSampling(NegativeSamplingLoss):
    """Loss of h (N, D) against C target words each and words drawn for them; one gradient of W."""

    def __init__(self, W: Array, corpus: ArrayLike, sparse: bool) -> None:
        super().__init__(W, corpus, sparse=sparse)
        del self.params[1:], self.grads[1:]

    def forward(self, h: Array, target: Array) -> Scalar:
        N, C = target.shape
        # column after column: the order in which the book's layers draw
        drawn = self.sampler.get_negative_sample(target.T.reshape(-1)).reshape(C, N, -1)
        words = np.concatenate([target.T[:, :, np.newaxis], drawn], axis=2)  # (C, N, 1 + S)
        true = np.arange(C * words.shape[2]) % words.shape[2] == 0
        return self._loss(h, words.transpose(1, 0, 2).reshape(N, -1), true)

    def backward(self, dout: float = 1) -> Array:
        return self._fill(dout)


class _WordVectors(_Model):
    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        window_size: int,
        corpus: ArrayLike,
        *,
        sparse: bool = False,
    ) -> None:
        W_in, W_out = _small(vocab_size, hidden_size), _small(vocab_size, hidden_size)
        self.in_layer = Embedding(W_in, sparse=sparse)
        self.ns_loss = _NegativeSampling(W_out, corpus, sparse)
        self.word_vecs = W_in
        self._collect(self.in_layer, self.ns_loss)


class CBOW(_WordVectors):
    """Guess a word from the words around it, with negative sampling.

    ``params`` are the two matrices, each once, where the book lists one for each of its layers:
    their gradients are what ``remove_duplicate`` would have added up.

    Parameters
    ----------
    vocab_size, hidden_size, window_size : int
    corpus : ndarray of int
        Words are drawn by their frequency in it.
    sparse : bool
        Gradients are `fastembed.sparse.RowSparse`: a step costs what its words cost, however many
        words there are.

    Attributes
    ----------
    word_vecs : (V, H) ndarray
    """

    def forward(self, contexts: Array, target: Array) -> Scalar:
        """Return the loss of contexts (N, 2 * window_size) against target (N,)."""
        h = self.in_layer.forward(contexts).mean(axis=1)
        return self.ns_loss.forward(h, target.reshape(-1, 1))

    def backward(self, dout: float = 1) -> None:
        """Fill grads."""
        dh = self.ns_loss.backward(dout)
        N, C = self.in_layer.idx.shape
        dh *= 1 / C
        self.in_layer.backward(np.broadcast_to(dh[:, np.newaxis], (N, C, dh.shape[1])))


class SkipGram(_WordVectors):
    """Guess the words around a word; parameters, attributes and params are those of `CBOW`."""

    def forward(self, contexts: Array, target: Array) -> Scalar:
        """Return the loss of contexts (N, 2 * window_size) against target (N,)."""
        return self.ns_loss.forward(self.in_layer.forward(target), contexts)

    def backward(self, dout: float = 1) -> None:
        """Fill grads."""
        self.in_layer.backward(self.ns_loss.backward(dout))


# ---- sequence to sequence


class Encoder(_Model):
    """Embedding and LSTM; gives the last h. Arguments are those of `Seq2seq`."""

    hs: Array = NOT_YET

    def __init__(self, vocab_size: int, wordvec_size: int, hidden_size: int) -> None:
        self.embed = self._embedding(vocab_size, wordvec_size)
        self.lstm = self._lstm(wordvec_size, hidden_size, stateful=False)
        self._collect(self.embed, self.lstm)

    def forward(self, xs: Array) -> Array:
        """Return h (N, H) after the last of xs (N, T)."""
        self.hs = self.lstm.forward(self.embed.forward(xs))
        return self.hs[:, -1, :]

    def backward(self, dh: Array) -> None:
        """Fill grads from dh (N, H)."""
        dhs = np.zeros_like(self.hs)
        dhs[:, -1, :] = dh
        self.embed.backward(self.lstm.backward(dhs))


class AttentionEncoder(Encoder):
    """`Encoder` that gives h after every word."""

    def forward(self, xs: Array) -> Array:
        """Return hs (N, T, H) from xs (N, T)."""
        return self.lstm.forward(self.embed.forward(xs))

    def backward(self, dhs: Array) -> None:
        """Fill grads from dhs (N, T, H)."""
        self.embed.backward(self.lstm.backward(dhs))


class Decoder(_Model):
    """Embedding, LSTM that begins with the encoder's h, and output layer."""

    peeks = 0, 0  # vectors of size H that the LSTM and the output layer get besides

    def __init__(self, vocab_size: int, wordvec_size: int, hidden_size: int) -> None:
        V, D, H = vocab_size, wordvec_size, hidden_size
        self.embed = self._embedding(V, D)
        self.lstm = self._lstm(self.peeks[0] * H + D, H)
        self.affine = self._affine(self.peeks[1] * H + H, V)
        self._collect(self.embed, self.lstm, self.affine)

    def forward(self, xs: Array, h: Array) -> Array:
        """Return the scores (N, T, V) of the words after xs (N, T), given the encoder's h."""
        self._begin(h)
        return self._scores(xs, h)

    def backward(self, dscore: Array) -> Array:
        """Fill grads from dscore (N, T, V); returns the gradient of the encoder's h."""
        self.embed.backward(self.lstm.backward(self.affine.backward(dscore)))
        return self.lstm.dh

    def generate(self, h: Array, start_id: int, sample_size: int) -> list[int]:
        """Return sample_size ids, each the most probable after the last."""
        self._begin(h)
        sampled, word = [], int(start_id)
        for _ in range(sample_size):
            word = int(np.argmax(self._scores(np.array([[word]]), h)))
            sampled.append(word)
        return sampled

    def beam_search(
        self, h: Array, start_id: int, sample_size: int, beam_size: int = 4
    ) -> list[int]:
        """Return the most probable sample_size ids that a beam of beam_size candidates finds."""
        self._begin(h)

        def advance(words: Array) -> Array:
            return self._scores(words, np.repeat(h, len(words), axis=0))[:, -1]

        return _beam_search(advance, [self.lstm], start_id, sample_size, beam_size)

    def _begin(self, h: Array) -> None:
        self.lstm.set_state(h)

    def _scores(self, xs: Array, h: Array) -> Array:
        return self.affine.forward(self.lstm.forward(self.embed.forward(xs)))


class PeekyDecoder(Decoder):
    """Decoder whose LSTM and output layer see the encoder's h (N, H) at every step."""

    peeks = 1, 1
    cache: Any = NOT_YET

    def backward(self, dscore: Array) -> Array:
        """Fill grads from dscore (N, T, V); returns the gradient of h."""
        H = self.cache
        dout = self.affine.backward(dscore)
        dh: Array = dout[:, :, :H].sum(axis=1)
        dout = self.lstm.backward(dout[:, :, H:])
        dh += dout[:, :, :H].sum(axis=1)
        self.embed.backward(dout[:, :, H:])
        dh += self.lstm.dh
        return dh

    def _scores(self, xs: Array, h: Array) -> Array:
        (N, T), H = xs.shape, h.shape[1]
        self.cache = H
        hs = np.broadcast_to(h[:, np.newaxis], (N, T, H))
        out = self.lstm.forward(np.concatenate((hs, self.embed.forward(xs)), axis=2))
        return self.affine.forward(np.concatenate((hs, out), axis=2))


class AttentionDecoder(Decoder):
    """Decoder that looks at all of the encoder's states (N, T, H) at every step."""

    peeks = 0, 1
    _attends: type[TimeAttention] = TimeAttention

    def __init__(self, vocab_size: int, wordvec_size: int, hidden_size: int) -> None:
        self.attention = self._attends()
        super().__init__(vocab_size, wordvec_size, hidden_size)

    def backward(self, dscore: Array) -> Array:
        """Fill grads from dscore (N, T, V); returns the gradient of the encoder's states."""
        dout = self.affine.backward(dscore)
        H = dout.shape[2] // 2
        denc_hs, ddec_hs = self.attention.backward(dout[:, :, :H])
        ddec_hs += dout[:, :, H:]
        self.embed.backward(self.lstm.backward(ddec_hs))
        denc_hs[:, -1] += self.lstm.dh
        return denc_hs

    def _begin(self, h: Array) -> None:
        self.lstm.set_state(h[:, -1])

    def _scores(self, xs: Array, h: Array) -> Array:
        dec_hs = self.lstm.forward(self.embed.forward(xs))
        c = self.attention.forward(h, dec_hs)
        return self.affine.forward(np.concatenate((c, dec_hs), axis=2))


class Seq2seq(_Model):
    """Encoder and decoder.

    Parameters
    ----------
    vocab_size, wordvec_size, hidden_size : int
    """

    parts: tuple[type[Encoder], type[Decoder]] = Encoder, Decoder

    def __init__(self, vocab_size: int, wordvec_size: int, hidden_size: int) -> None:
        encoder, decoder = self.parts
        self.encoder = encoder(vocab_size, wordvec_size, hidden_size)
        self.decoder = decoder(vocab_size, wordvec_size, hidden_size)
        self.softmax = self._on.TimeSoftmaxWithLoss()
        self._collect(self.encoder, self.decoder)

    def forward(self, xs: Array, ts: Array) -> Scalar:
        """Return the loss of questions xs (N, T) and answers ts (N, T'), start mark first."""
        decoder_xs, decoder_ts = ts[:, :-1], ts[:, 1:]
        score = self.decoder.forward(decoder_xs, self.encoder.forward(xs))
        return self.softmax.forward(score, decoder_ts)

    def backward(self, dout: float = 1) -> None:
        """Fill grads."""
        self.encoder.backward(self.decoder.backward(self.softmax.backward(dout)))

    def generate(self, xs: Array, start_id: int, sample_size: int) -> list[int]:
        """Answer one question xs (1, T): sample_size ids, each the most probable after the last."""
        return self.decoder.generate(self.encoder.forward(xs), start_id, sample_size)

    def beam_search(
        self, xs: Array, start_id: int, sample_size: int, beam_size: int = 4
    ) -> list[int]:
        """Answer one question xs (1, T) by beam search; beam_size 1 is generate."""
        h = self.encoder.forward(xs)
        return self.decoder.beam_search(h, start_id, sample_size, beam_size)


class PeekySeq2seq(Seq2seq):
    """`Seq2seq` whose decoder sees the encoder's h at every step."""

    parts = Encoder, PeekyDecoder


class AttentionSeq2seq(Seq2seq):
    """`Seq2seq` with attention; ``decoder.attention.attention_weights`` shows it."""

    parts = AttentionEncoder, AttentionDecoder


def _beam_search(
    advance: Advance, recurrent: list[Any], start: int, count: int, beam_size: int, skip: Words = ()
) -> list[int]:
    """The best count words after start; advance(words (B, 1)) returns scores (B, V)."""
    if beam_size < 1:
        raise ValueError(f"beam_size must be >= 1, got {beam_size}")
    words = np.array([[int(start)]])
    totals = np.zeros(1)  # log-probability of each candidate
    for _ in range(count):
        p = softmax(advance(words[:, -1:]).astype(np.float64))
        with np.errstate(divide="ignore"):
            logs = np.log(p)
        logs[:, [int(k) for k in skip]] = -np.inf
        scores = (totals[:, np.newaxis] + logs).reshape(-1)
        best = np.argsort(-scores, kind="stable")[:beam_size]
        parents, chosen = np.divmod(best, logs.shape[1])
        totals = scores[best]
        words = np.concatenate([words[parents], chosen[:, np.newaxis]], axis=1)
        for layer in recurrent:
            for part in layer.state:
                setattr(layer, part, getattr(layer, part)[parents])
    best_words: list[int] = words[0, 1:].tolist()
    return best_words
