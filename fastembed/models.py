"""The book's models: language models, word vectors, sequence to sequence.

Constructors take the book's arguments and draw the same numbers from ``np.random``: with the same
seed, the parameters are the same.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike

from fastembed import generation, time_layers
from fastembed._inputs import NOT_YET, Array, Scalar
from fastembed.attention import TimeAttention
from fastembed.base_model import BaseModel, expected_shapes
from fastembed.layers import Embedding, NegativeSamplingLoss, UnigramSampler
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
Start = int | Sequence[int]


def _room(rows: int, columns: int) -> Array | None:
    """While a model is loaded, a matrix for what its file holds: nothing is drawn."""
    shapes = expected_shapes.get()
    if shapes is None:
        return None
    if (rows, columns) not in shapes:  # before memory is taken for it
        raise ValueError(f"there is no matrix of shape {(rows, columns)} in it")
    return np.empty((rows, columns), "f")


def _normal(rows: int, columns: int, scale: float) -> Array:
    room = _room(rows, columns)
    return (np.random.randn(rows, columns) / scale).astype("f") if room is None else room


def _small(rows: int, columns: int) -> Array:
    room = _room(rows, columns)
    return 0.01 * np.random.randn(rows, columns).astype("f") if room is None else room


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
        self._head.label_smoothing = self.loss_layer.label_smoothing
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

    @overload
    def generate(
        self,
        start_id: Start,
        skip_ids: Words | None = None,
        sample_size: int = 100,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        beam_size: int | None = None,
        stop: Words | None = None,
    ) -> list[int]: ...
    @overload
    def generate(
        self,
        start_id: str,
        skip_ids: Words | None = None,
        sample_size: int = 100,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        beam_size: int | None = None,
        stop: str | None = None,
    ) -> str: ...
    def generate(
        self,
        start_id: Any,
        skip_ids: Words | None = None,
        sample_size: int = 100,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        beam_size: int | None = None,
        stop: Any = None,
    ) -> Any:
        """Write on: sample words from the model, by ``numpy.random``.

        Parameters
        ----------
        start_id : int, sequence of int or str
            What comes before. After ids the model goes on from its present state; a text needs the
            model's ``tokenizer``, and begins a new paragraph.
        skip_ids : collection of int, optional
            Words that must not come; of a text, by default the unknown word.
        sample_size : int
            How many words, the last one of the start among them.
        temperature : float
            Scores are divided by it; 0 always takes the most probable word.
        top_k : int, optional
            Sample from so many of the most probable words only.
        top_p : float, optional
            Sample from the fewest words that have this probability together (arXiv:1904.09751).
        beam_size : int, optional
            Instead of sampling, look for the most probable words with so many candidates.
        stop : collection of int, or str
            Ids, or a text, before which it ends.

        Returns
        -------
        list of int or str
            The start, and what the model wrote after it.
        """
        if beam_size is None:
            options = dict(temperature=temperature, top_k=top_k, top_p=top_p, stop=stop)
            came = self.stream(start_id, skip_ids, sample_size, **options)
            if isinstance(start_id, str):
                return start_id + "".join(came)
            return [*generation.as_ids(start_id), *came]
        if isinstance(start_id, str):
            start, skip_ids = self._begin_text(start_id, skip_ids)
            ids = self.beam_search(start, sample_size, beam_size, skip_ids)[len(start) :]
            return start_id + "".join(generation.pieces(self.tokenizer, start, iter(ids), stop))
        return self.beam_search(start_id, sample_size, beam_size, skip_ids, stop)

    @overload
    def stream(
        self, start_id: str, skip_ids: Words | None = None, sample_size: int = 100, **options: Any
    ) -> Iterator[str]: ...
    @overload
    def stream(
        self, start_id: Start, skip_ids: Words | None = None, sample_size: int = 100, **options: Any
    ) -> Iterator[int]: ...
    def stream(
        self, start_id: Any, skip_ids: Words | None = None, sample_size: int = 100, **options: Any
    ) -> Iterator[Any]:
        """What `generate` adds to its start, piece by piece; arguments are those of `generate`.

        There is no ``beam_size``: a beam knows its first word only at the end.
        """
        stop = options.pop("stop", None)
        if isinstance(start_id, str):
            start, skip_ids = self._begin_text(start_id, skip_ids)
            ids = generation.sampled(self._next, start, skip_ids, sample_size, (), **options)
            return generation.pieces(self.tokenizer, start, ids, stop)
        start = generation.as_ids(start_id)
        return generation.sampled(self._next, start, skip_ids, sample_size, stop or (), **options)

    def beam_search(
        self,
        start_id: Start,
        sample_size: int = 100,
        beam_size: int = 4,
        skip_ids: Words | None = None,
        stop: Words | None = None,
    ) -> list[int]:
        """Return the most probable words that a beam of beam_size candidates finds, a list of int.

        The other arguments are those of `generate`; of a beam, stop ends one candidate.
        """
        start = generation.as_ids(start_id)
        self._next(start[:-1])
        count, skip = sample_size - 1, () if skip_ids is None else skip_ids
        found = generation.beam_search(
            self._advance, self._recurrent, start[-1], count, beam_size, skip, stop or ()
        )
        return [*start, *found]

    def _begin_text(self, text: str, skip_ids: Words | None) -> tuple[list[int], Words]:
        """The ids of a text that begins a paragraph, and the words that must not come."""
        tokenizer = generation.tokenizer_of(self)
        self.reset_state()
        start = [int(tokenizer.eos_id), *map(int, tokenizer.encode(text))]
        if skip_ids is None:
            skip_ids = () if tokenizer.unk_id is None else (int(tokenizer.unk_id),)
        return start, skip_ids

    def _next(self, words: Sequence[int]) -> Array | None:
        """The scores (V,) of the word after words; None of none."""
        scores: Array | None = self._advance(np.array([words]))[0] if len(words) else None
        return scores

    def _advance(self, words: Array) -> Array:
        return self.predict(words)[:, -1]


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


class RnnlmGen(Rnnlm):
    """`Rnnlm` whose state can be taken and put back."""

    def get_state(self) -> Any:
        """The LSTM's (h, c)."""
        return self.lstm_layer.h, self.lstm_layer.c

    def set_state(self, state: Any) -> None:
        """Put back what get_state gave."""
        self.lstm_layer.set_state(*state)


class BetterRnnlmGen(BetterRnnlm):
    """`BetterRnnlm` whose states can be taken and put back."""

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
        self._begin([W], UnigramSampler(corpus, power=0.75, sample_size=5), sparse)

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

    @classmethod
    def _make(cls, arguments: dict[str, Any]) -> Self:
        return cls(**{**arguments, "corpus": [0]})

    def _arrays(self) -> dict[str, Array]:
        return {"word_p": self.ns_loss.sampler.word_p}  # what is left of the corpus

    def _restore(self, arrays: dict[str, Array]) -> None:
        sampler = self.ns_loss.sampler
        word_p = arrays.get("word_p", sampler.word_p)
        if word_p.ndim != 1 or len(word_p) > len(self.word_vecs):
            raise ValueError(f"word_p has shape {word_p.shape}, not one of the vocabulary")
        sampler.word_p, sampler.vocab_size = np.array(word_p, np.float64), len(word_p)
        if sampler.weights is not None:
            sampler.sum_up()


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
        ids: list[int] = self.answers(h, start_id, sample_size)[0].tolist()
        return ids

    def answers(
        self, h: Array, start_id: int, sample_size: int, stop_id: int | None = None
    ) -> Array:
        """Return ids (N, sample_size) for each of the encoder's h, the most probable at each step.

        With stop_id, it ends early when all N have come to it.
        """
        self._begin(h)
        words = np.full((len(h), 1), int(start_id), np.int32)
        stopped = np.zeros((len(h), 1), bool)
        found = [words[:, :0]]
        for _ in range(sample_size):
            words = self._scores(words, h)[:, -1:].argmax(axis=2).astype(np.int32)
            found.append(words)
            if stop_id is not None:
                stopped |= words == stop_id
                if stopped.all():
                    break
        return np.concatenate(found, axis=1)

    def beam_search(
        self,
        h: Array,
        start_id: int,
        sample_size: int,
        beam_size: int = 4,
        stop_id: int | None = None,
    ) -> list[int]:
        """Return the most probable ids that a beam of beam_size candidates finds.

        They are sample_size, or fewer where stop_id would come next.
        """
        self._begin(h)

        def advance(words: Array) -> Array:
            return self._scores(words, np.repeat(h, len(words), axis=0))[:, -1]

        stop = () if stop_id is None else (stop_id,)
        return generation.beam_search(
            advance, [self.lstm], start_id, sample_size, beam_size, stop=stop
        )

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

    @overload
    def translate(self, text: str, *, beam_size: int = 1, longest: int = 200) -> str: ...
    @overload
    def translate(
        self, text: list[str] | tuple[str, ...], *, beam_size: int = 1, longest: int = 200
    ) -> list[str]: ...
    def translate(self, text: Any, *, beam_size: int = 1, longest: int = 200) -> Any:
        """Answer a text, or each of some, with a model that `python -m fastembed train` trained.

        Parameters
        ----------
        text : str, or list or tuple of str
            Is read backwards, as in training.
        beam_size : int
            Candidates of the search for the most probable answer; 1 is the quickest.
        longest : int
            Tokens after which an answer is cut off.

        Returns
        -------
        str or list of str
        """
        if beam_size < 1:
            raise ValueError(f"beam_size must be >= 1, got {beam_size}")
        tokenizer = generation.tokenizer_of(self)
        texts = [text] if isinstance(text, str) else list(text)
        questions = [generation.question(tokenizer, one) for one in texts]
        found = self.answers(questions, int(tokenizer.eos_id), longest, beam_size)
        answers = [tokenizer.decode(ids) for ids in found]
        return answers[0] if isinstance(text, str) else answers

    def answers(
        self, questions: Sequence[Sequence[int]], end_id: int, longest: int, beam_size: int = 1
    ) -> list[list[int]]:
        """Answer questions, ids of any lengths; answers begin after end_id and end before it."""
        found: list[list[int]] = [[] for _ in questions]
        for places in generation.of_one_length(questions):
            h = self.encoder.forward(np.array([questions[k] for k in places]))
            if beam_size == 1:
                rows = self.decoder.answers(h, end_id, longest, end_id).tolist()
            else:
                search = self.decoder.beam_search
                rows = [search(one[np.newaxis], end_id, longest, beam_size, end_id) for one in h]
            for k, ids in zip(places, rows, strict=True):
                found[k] = ids[: ids.index(end_id)] if end_id in ids else ids
        return found


class PeekySeq2seq(Seq2seq):
    """`Seq2seq` whose decoder sees the encoder's h at every step."""

    parts = Encoder, PeekyDecoder


class AttentionSeq2seq(Seq2seq):
    """`Seq2seq` with attention; ``decoder.attention.attention_weights`` shows it."""

    parts = AttentionEncoder, AttentionDecoder
