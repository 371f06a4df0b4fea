"""Word vectors of a text: CBOW and skip-gram with negative sampling, on all threads.

::

    from fastembed.word2vec import Word2Vec

    model = Word2Vec("text.txt", vector_size=100)  # a sentence a line
    model.wv.most_similar("king")
    model.wv.save("vectors.bin")
"""

import codecs
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fastembed import _check, ops
from fastembed.vectors import WordVectors

__all__ = ["Word2Vec"]

BLOCK = 1 << 20  # bytes or ids that are worked on at a time
CHUNK = 1 << 13  # places of the text that are trained at one rate
NUMBERS = 16  # float32 of a cache line

Sentences = str | os.PathLike[str] | Iterable[Iterable[str]]


class Word2Vec:
    """Word vectors by CBOW or skip-gram with negative sampling (T. Mikolov et al., 2013).

    Parameters have gensim's names and defaults. The vectors are the same, bit for bit, at any
    number of threads (``fastembed.set_num_threads``).

    Parameters
    ----------
    sentences : path, or iterable of lists of str, optional
        A UTF-8 file with a sentence a line and blanks between words, or the sentences themselves:
        both are read once, and may be larger than memory. Without them, call `build_vocab` and
        `train`.
    vector_size, window, negative : int
        Width of the vectors; words on either side; words drawn for each target.
    alpha, min_alpha : float
        Learning rate at the beginning and at the end.
    min_count, max_final_vocab : int
        Rarer words are left out; of the rest, the most frequent ones are kept.
    sample : float
        Words that are more frequent than this share of the text are sometimes left out (0: never).
    shrink_windows : bool
        How many words on either side is drawn for each word, from 1 to window; False: window.
    sg, cbow_mean : bool
        Skip-gram, or else CBOW; whether it predicts with the mean of the words or their sum.
    ns_exponent : float
        Negatives are drawn with probability counts ** ns_exponent.
    epochs, seed : int
    batch : int
        Words (skip-gram: pairs of words) whose scores are made before any of them is learnt.
    slices : int, optional
        Parts of the columns: as many threads work at most. By default 2, 4 or 8, by vector_size.
        Other slices give vectors that differ by rounding.
    deterministic : bool
        False: threads race (Hogwild). Vectors are then others in every run.
    callback : callable, optional
        Called with the model after each epoch.

    Attributes
    ----------
    wv : WordVectors
        The words and their vectors, as they are now.
    counts : (V,) ndarray
        How often each word comes in the text.
    tokens : int
        Words of the text, without those left out for being rare.
    epoch : int
        How many epochs were trained.
    loss : float
        Mean loss of a target and its negatives in the last epoch.
    words_per_second : float
        Of the last epoch.
    """

    def __init__(
        self,
        sentences: Sentences | None = None,
        *,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        sample: float = 1e-3,
        seed: int = 1,
        min_alpha: float = 1e-4,
        shrink_windows: bool = True,
        sg: bool | int = False,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: bool | int = True,
        epochs: int = 5,
        batch: int = 16,
        slices: int | None = None,
        deterministic: bool = True,
        callback: Callable[["Word2Vec"], object] | None = None,
    ) -> None:
        for name, value, least in (
            ("vector_size", vector_size, 1),
            ("window", window, 1),
            ("min_count", min_count, 0),
            ("negative", negative, 1),
            ("epochs", epochs, 0),
            ("batch", batch, 1),
            ("slices", 1 if slices is None else slices, 1),
            ("max_final_vocab", 1 if max_final_vocab is None else max_final_vocab, 1),
        ):
            if _check.integer(name, value) < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        for name, number in (("alpha", alpha), ("min_alpha", min_alpha), ("sample", sample)):
            if not 0 <= _check.number(name, number) < np.inf:
                raise ValueError(f"{name} must be finite and at least 0, got {number}")
        if not np.isfinite(_check.number("ns_exponent", ns_exponent)):
            raise ValueError(f"ns_exponent must be finite, got {ns_exponent}")
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, got {callback!r:.80}")
        self.vector_size, self.window, self.negative = vector_size, window, negative
        self.alpha, self.min_alpha, self.epochs = alpha, min_alpha, epochs
        self.min_count, self.max_final_vocab = min_count, max_final_vocab
        self.sample, self.ns_exponent = sample, ns_exponent
        self.shrink_windows, self.sg, self.cbow_mean = map(bool, (shrink_windows, sg, cbow_mean))
        self.seed, self.batch = _check.integer("seed", seed), batch
        self.deterministic = deterministic
        self.slices = slices or _slices(vector_size)
        self.callback = callback
        self.epoch, self.loss, self.words_per_second = 0, np.nan, np.nan
        self._wv: WordVectors | None = None
        self._ids: Any = None
        if sentences is not None:
            self.build_vocab(sentences)
            self.train()

    def build_vocab(self, sentences: Sentences) -> None:
        """Read the text, find its words, and begin with vectors that are drawn anew.

        Raises
        ------
        ValueError
            If no word is frequent enough, or one is not UTF-8.
        """
        if isinstance(sentences, (str, os.PathLike)):
            parts = _parts_of_file(sentences)
        else:
            parts = _parts(sentences)
        with tempfile.TemporaryFile() as file:
            words, counts = _collect(parts, file)
            self._begin(*self._number(words, counts, file))

    def use_ids(self, ids: Any, words: Sequence[str]) -> None:
        """Take a text of ids, and begin with vectors that are drawn anew.

        Parameters
        ----------
        ids : (N,) ndarray of int
            In [0, V); -1 ends a sentence. An array of int32 is kept, not copied.
        words : list of str
            That of each id; one that is not in the text keeps the vector that it begins with.
        """
        ids = _check.integers("ids", ids)
        if ids.ndim != 1 or not len(ids) or ids.min() < -1 or not 0 <= ids.max() < len(words):
            raise ValueError(
                f"ids must be an array of one axis in [-1, {len(words)}), and some of words; "
                f"got shape {ids.shape}"
            )
        counts = np.bincount(ids[ids >= 0], minlength=len(words))
        self._begin(np.asarray(ids, np.int32), list(words), counts)

    def set_vectors(self, vectors: Any, output: Any = None) -> None:
        """Go on from these vectors, (V, vector_size), and output vectors, by default 0."""
        shape = len(self.words), self.vector_size
        output = np.zeros(shape, np.float32) if output is None else output
        vectors, output = _check.as_array("vectors", vectors), _check.as_array("output", output)
        _check.shape("vectors", vectors, shape)
        _check.shape("output", output, shape)
        for W, given in ((self._W_in, vectors), (self._W_out, output)):
            C = W.shape[2]
            for k in range(len(W)):
                part = given[:, k * C : (k + 1) * C]
                W[k, :, : part.shape[1]] = part
        self._wv = None

    def _begin(self, ids: Any, words: list[str], counts: Any) -> None:
        self._ids, self.words, self.counts = ids, words, counts
        self.tokens, self.epoch = int(counts.sum()), 0
        self.reset()

    def _number(self, words: list[Any], counts: Any, file: Any) -> tuple[Any, list[str], Any]:
        """Choose the words that are kept; returns the text of their ids, them, and their counts."""
        order = np.argsort(-counts, kind="stable")
        order = order[counts[order] >= max(self.min_count, 1)][: self.max_final_vocab]
        if not len(order):
            raise ValueError(
                f"sentences must have words that come min_count = {self.min_count} times, "
                f"got none of {len(words)}"
            )
        final = np.full(len(words) + 1, -2, np.int32)  # of what is left out
        final[order], final[-1] = np.arange(len(order)), -1
        kept = [_text(words[k]) for k in order]  # before the text: one may not be UTF-8
        return _renumbered(file, final), kept, counts[order]

    def reset(self) -> None:
        """Draw new vectors, and the tables that training draws with."""
        V, D = len(self.words), self.vector_size
        columns = -(-D // (self.slices * NUMBERS)) * NUMBERS  # of a slice, in whole cache lines
        self._W_in, self._W_out = (_zeros(self.slices, V, columns) for _ in range(2))
        rng = np.random.default_rng(self.seed % 2**64)
        for lo in range(0, V, 1 << 12):
            part = self._W_in[:, lo : lo + (1 << 12)]
            drawn = np.zeros((part.shape[1], self.slices * columns), np.float32)
            drawn[:, :D] = (rng.random((len(drawn), D), np.float32) * 2 - 1) / D
            part[...] = drawn.reshape(len(drawn), self.slices, columns).swapaxes(0, 1)
        accept, alias = ops.alias_table(self.counts.astype(float) ** self.ns_exponent)
        often = self.counts / (self.sample * self.tokens) if self.sample else np.zeros(V)
        with np.errstate(divide="ignore"):
            keep = np.where(often > 0, (np.sqrt(often) + 1) / often, 1)
        self._tables = keep.astype(np.float32), accept.astype(np.float32), alias
        self._wv = None

    def train(self, epochs: int | None = None) -> None:
        """Train on the text for some epochs, by default those of the constructor.

        The rate falls from alpha to min_alpha over them. After an exception (Ctrl-C) the vectors
        are what they had become.
        """
        if self._ids is None:
            raise ValueError("build_vocab must be called before train")
        epochs = self.epochs if epochs is None else _check.integer("epochs", epochs)
        borders = self.borders()
        for epoch in range(epochs):
            begun, loss, targets = time.perf_counter(), 0.0, 0
            for start, stop in zip(borders, borders[1:], strict=False):
                done = (epoch + start / len(self._ids)) / epochs
                lr = self.alpha + (self.min_alpha - self.alpha) * done
                more, found = self.train_part(start, stop, lr)
                loss, targets = loss + more, targets + found
            self.epoch += 1
            self.loss = loss / targets if targets else np.nan
            self.words_per_second = self.tokens / (time.perf_counter() - begun)
            if self.callback is not None:
                self.callback(self)

    def borders(self) -> list[int]:
        """Where in the text the rate changes: train_part goes from each to the next one."""
        chunk = max(CHUNK, len(self.words) // 16)
        return [*range(0, len(self._ids), chunk), len(self._ids)]

    def train_part(self, start: int, stop: int, lr: float) -> tuple[float, int]:
        """Train on a part of the text in this epoch; returns the loss, summed, and the targets."""
        self._wv = None
        loss, targets = ops.train_word2vec(
            self._W_in,
            self._W_out,
            self._ids,
            *self._tables,
            start=start,
            stop=stop,
            window=self.window,
            negative=self.negative,
            lr=lr,
            seed=self.seed * 1_000_003 + self.epoch,
            shrink_windows=self.shrink_windows,
            skip_gram=self.sg,
            mean=self.cbow_mean,
            batch=self.batch,
            deterministic=self.deterministic,
        )
        return float(loss), targets

    @property
    def wv(self) -> WordVectors:
        if self._ids is None:
            raise ValueError("build_vocab must be called before there are vectors")
        if self._wv is None:
            self._wv = WordVectors(self.words, self._plain(self._W_in))
        return self._wv

    @property
    def output(self) -> Any:
        """A copy of the output vectors, (V, vector_size): what negative sampling scores with."""
        return self._plain(self._W_out)

    def _plain(self, W: Any) -> Any:
        S, V, C = W.shape
        plain = np.empty((V, self.vector_size), np.float32)
        for k in range(S):
            part = plain[:, k * C : (k + 1) * C]
            part[...] = W[k, :, : part.shape[1]]
        return plain


def _slices(width: int) -> int:
    return 1 if width < 32 else 2 if width <= 128 else 4 if width <= 320 else 8


def _zeros(*shape: int) -> Any:
    """Zeros that begin at a cache line."""
    memory = np.zeros(int(np.prod(shape)) + NUMBERS, np.float32)
    first = -memory.ctypes.data // 4 % NUMBERS
    return memory[first : first + memory.size - NUMBERS].reshape(shape)


# ---- from text to ids


def _parts(sentences: Iterable[Iterable[str]]) -> Iterator[tuple[list[Any], bool]]:
    """Words, and whether a sentence ends with them."""
    for sentence in sentences:
        if isinstance(sentence, (str, bytes)):
            raise TypeError(f"each sentence must be a list of words, got {sentence!r:.80}")
        yield list(sentence), True


def _parts_of_file(path: str | os.PathLike[str]) -> Iterator[tuple[list[Any], bool]]:
    """The same of a file, read by blocks: a line may be as long as it likes."""
    with open(path, "rb") as file:
        rest, blanks = b"", (b" ", b"\t", b"\r", b"\f", b"\v")
        if file.read(3) != codecs.BOM_UTF8:
            file.seek(0)
        while block := file.read(BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield line.split(), True
            if len(rest) >= BLOCK:
                end = 1 + max(rest.rfind(one) for one in blanks)
                yield rest[:end].split(), False
                rest = rest[end:]
        yield rest.split(), True


def _collect(parts: Iterator[tuple[list[Any], bool]], file: Any) -> tuple[list[Any], Any]:
    """Write the ids of a text; returns its words in the order of their coming, and their counts."""
    ids: dict[Any, int] = {}
    counts = np.zeros(0, np.int64)
    waiting: list[int] = []

    def flush() -> None:
        nonlocal counts
        if len(ids) >= 2**31 - 2:
            raise ValueError("sentences must have less than 2**31 different words")
        part = np.array(waiting, np.int32)
        more = np.bincount(part[part >= 0], minlength=len(ids))
        more[: len(counts)] += counts
        counts = more
        file.write(part.data)
        waiting.clear()

    for words, ends in parts:
        waiting += [ids.setdefault(word, len(ids)) for word in words]
        if ends:
            waiting.append(-1)
        if len(waiting) >= BLOCK:
            flush()
    flush()
    return list(ids), counts


def _renumbered(file: Any, final: Any) -> Any:
    """The ids of a file as their new numbers, without those that become -2; memory-mapped."""
    file.seek(0)
    count = 0
    with tempfile.TemporaryFile() as result:
        while block := file.read(4 * BLOCK):
            part = final[np.frombuffer(block, np.int32)]
            part = part[part > -2]
            result.write(part.data)
            count += len(part)
        result.flush()
        # an exact ndarray, as ops take it without a copy
        return np.asarray(np.memmap(result, np.int32, "r", shape=(count,)))


def _text(word: Any) -> str:
    if not isinstance(word, bytes):
        return str(word)
    try:
        return word.decode()
    except UnicodeDecodeError:
        raise ValueError(f"sentences must be UTF-8, got {word!r:.80}") from None
