"""Words with a vector each: what is similar, and rows for another vocabulary."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastembed import _check
from fastembed.vectors import _search

INITS = ("normal", "mean", "zeros")


@dataclass(frozen=True)
class Fit:
    """How the rows of `WordVectors.fit` came about."""

    exact: int  # words that were found as they are
    lower: int  # words that were found in lower case
    missing: list[str]
    init: str  # what the rows of the missing ones are

    def __str__(self) -> str:
        count = self.exact + self.lower + len(self.missing)
        return (
            f"{self.exact} of {count} words found, {self.lower} more in lower case; "
            f"{len(self.missing)} missing ({self.init})"
        )


class WordVectors:
    """Words with a vector each.

    Parameters
    ----------
    words : list of str
        All different.
    vectors : (V, D) ndarray of float16, float32 or float64
        Kept, not copied; may be memory-mapped. It must not change: lengths of rows are kept.

    Attributes
    ----------
    words : list of str
    vectors : (V, D) ndarray
        Read-only.
    key_to_index : dict
        Word -> row.
    """

    def __init__(self, words: Sequence[str], vectors: Any) -> None:
        vectors = _check.as_array("vectors", vectors)
        if not vectors.dtype.isnative:
            vectors = vectors.astype(vectors.dtype.newbyteorder("="))
        if vectors.dtype not in (np.float16, np.float32, np.float64) or vectors.ndim != 2:
            raise TypeError(
                "vectors must be (V, D) of float16, float32 or float64, got "
                f"{vectors.dtype} {vectors.shape}"
            )
        if isinstance(words, str) or not all(
            issubclass(kind, str) for kind in set(map(type, words))
        ):
            raise TypeError("words must be a list of str")
        if len(words) != len(vectors):
            raise ValueError(
                f"words must be {len(vectors)}, one a row of vectors, got {len(words)}"
            )
        self.words = list(words)
        self.key_to_index = index(self.words)
        if len(self.key_to_index) < len(self.words):
            again = next(w for k, w in enumerate(self.words) if self.key_to_index[w] != k)
            raise ValueError(f"words must be different, got {again!r} twice")
        self.vectors = vectors[:]
        self.vectors.flags.writeable = False
        self._norms: Any = None

    @classmethod
    def of_distinct(cls, words: list[str], rows: dict[str, int], vectors: Any) -> "WordVectors":
        """Without the checks, from what `index` gives; what is handed over is kept."""
        made = cls.__new__(cls)
        made.words, made.key_to_index, made.vectors, made._norms = words, rows, vectors, None
        vectors.flags.writeable = False
        return made

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        V, D = self.vectors.shape
        return f"WordVectors({V} words × {D}, {self.vectors.dtype})"

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.key_to_index

    def __getitem__(self, words: str | Sequence[str]) -> Any:
        """The vector (D,) of a word, or those (N, D) of several; KeyError for an unknown one."""
        if isinstance(words, str):
            return self.vectors[self._row(words)]
        return self.vectors[[self._row(word) for word in words]]

    def similarity(self, a: str, b: str) -> float:
        """The cosine between two words."""
        rows = self._rows([a, b])
        return float(rows[0] @ rows[1] / np.prod(_search.norms(rows)))

    def most_similar(
        self,
        positive: Any = (),
        negative: Any = (),
        topn: int = 10,
        *,
        restrict_vocab: int | None = None,
    ) -> list[tuple[str, float]]:
        """The words nearest to a sum of words, less others.

        Of a word its vector divided by its length counts, a vector as it is.

        Parameters
        ----------
        positive, negative : str or (D,) ndarray, or a list of them
            Words that are given are not among the result.
        topn : int
            How many words are wanted.
        restrict_vocab : int, optional
            Look among the first so many words only: often the most frequent ones.

        Returns
        -------
        list of (str, float)
            Words and cosines, the nearest first.
        """
        parts = [(part, 1) for part in _listed(positive)]
        parts += [(part, -1) for part in _listed(negative)]
        if not parts:
            raise ValueError("positive and negative must not both be empty")
        given = [self._row(part) for part, _ in parts if isinstance(part, str)]
        rows = self._rows([part for part, _ in parts])
        words = [isinstance(part, str) for part, _ in parts]
        rows[words] /= _search.norms(rows[words])[:, np.newaxis]
        query = np.array([sign for _, sign in parts], rows.dtype) @ rows
        among = len(self)
        if restrict_vocab is not None:
            among = max(0, min(_check.integer("restrict_vocab", restrict_vocab), among))
        if _check.integer("topn", topn) < 1:
            raise ValueError(f"topn must be >= 1, got {topn}")
        ids, scores = self._nearest(query[np.newaxis], topn + len(given), among)
        found = zip(ids[0].tolist(), scores[0].tolist(), strict=True)
        return [(self.words[k], score) for k, score in found if k not in given][:topn]

    def analogy(self, a: str, b: str, c: str, topn: int = 10) -> list[tuple[str, float]]:
        """What is to c as b is to a: the words most similar to b − a + c."""
        return self.most_similar([b, c], [a], topn)

    def doesnt_match(self, words: Sequence[str]) -> str:
        """The word that is least similar to the mean of them all."""
        if isinstance(words, str) or not len(words):
            raise ValueError(f"words must be a list of words, got {words!r}")
        unit = self._rows(words)
        unit /= _search.norms(unit)[:, np.newaxis]
        return words[int(np.argmin(unit @ unit.mean(axis=0)))]

    def nearest(self, queries: Any, k: int = 10) -> tuple[Any, Any]:
        """The rows nearest to each of some vectors, by cosine.

        Parameters
        ----------
        queries : (Q, D) ndarray
            Any length; float64 where they or the vectors are, else float32.
        k : int
            How many rows; no more than there are.

        Returns
        -------
        ids : (Q, k) ndarray of intp
            Rows, the nearest first; of equal ones the first. One with NaN comes last.
        similarities : (Q, k) ndarray
        """
        queries = _check.as_array("queries", queries)
        D = self.vectors.shape[1]
        if queries.ndim != 2 or queries.shape[1] != D or queries.dtype.kind not in "fiu":
            raise ValueError(
                f"queries must be numbers of shape (Q, {D}), got {queries.dtype} {queries.shape}"
            )
        if _check.integer("k", k) < 1:
            raise ValueError(f"k must be >= 1, got {k}")
        return self._nearest(queries, k, len(self))

    def fit(
        self, words: Iterable[str], init: str = "normal", *, seed: Any = 0, dtype: Any = np.float32
    ) -> tuple[Any, Fit]:
        """Rows for another vocabulary, as an Embedding's W.

        A word that is not here is looked for in lower case.

        Parameters
        ----------
        words : iterable of str, or dict
            In the order of the ids; of a dict word -> id, the ids are 0 to V - 1.
        init : {'normal', 'mean', 'zeros'}
            Rows of missing words: drawn with the mean and deviation of those that were found, in
            each column; their mean; or 0.
        seed : int or numpy.random.Generator
            Of the rows that are drawn.
        dtype : float16, float32 or float64

        Returns
        -------
        W : (V, D) ndarray
        report : Fit
        """
        if init not in INITS:
            raise ValueError(f"init must be one of {', '.join(INITS)}, got {init!r}")
        if isinstance(words, str):
            raise TypeError(f"words must be a list of str, got {words!r:.80}")
        if isinstance(words, dict):
            if sorted(words.values()) != list(range(len(words))):
                raise ValueError(f"words must have the ids 0 to {len(words) - 1}")
            words = sorted(words, key=words.__getitem__)
        words = list(words)
        if not all(isinstance(word, str) for word in words):
            raise TypeError("words must be a list of str")
        rows = np.array([self.key_to_index.get(word, -1) for word in words], np.intp)
        exact = int((rows >= 0).sum())
        for k in np.flatnonzero(rows < 0):
            rows[k] = self.key_to_index.get(words[k].lower(), -1)
        found = rows >= 0
        W = np.zeros((len(words), self.vectors.shape[1]), dtype)
        W[found] = self.vectors[rows[found]]
        if init != "zeros" and found.any():
            W[~found] = W[found].mean(axis=0, dtype=np.float64)
            if init == "normal":
                rng = np.random.default_rng(seed)
                noise = rng.standard_normal((int((~found).sum()), W.shape[1]))
                W[~found] += (noise * W[found].std(axis=0, dtype=np.float64)).astype(W.dtype)
        missing = [words[k] for k in np.flatnonzero(~found)]
        return W, Fit(exact, int(found.sum()) - exact, missing, init)

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write a file, see `fastembed.vectors.save`."""
        from fastembed.vectors._writing import save

        save(path, self.words, self.vectors, format=format)

    def _row(self, word: str) -> int:
        try:
            return self.key_to_index[word]
        except (KeyError, TypeError):
            raise KeyError(f"{word!r} is none of the {len(self)} words") from None

    def _rows(self, parts: Sequence[Any]) -> Any:
        """Words and vectors as an array of our own."""
        dtype = np.promote_types(self.vectors.dtype, np.float32)
        D = self.vectors.shape[1]
        rows = []
        for part in parts:
            row = self[part] if isinstance(part, str) else _check.as_array("a vector", part)
            _check.shape("a vector", row, (D,))
            rows.append(row.astype(dtype))
        return np.stack(rows)

    def _nearest(self, queries: Any, k: int, among: int) -> tuple[Any, Any]:
        dtype = np.promote_types(np.promote_types(self.vectors.dtype, queries.dtype), np.float32)
        queries = np.asarray(queries, dtype)
        queries = queries / _search.norms(queries)[:, np.newaxis]
        k = min(k, among)
        if not k or not len(queries):
            return np.empty((len(queries), k), np.intp), np.empty((len(queries), k), dtype)
        if self._norms is None:
            self._norms = _search.norms(self.vectors)
        return _search.nearest(self.vectors[:among], self._norms[:among], queries, k)


def index(words: list[str]) -> dict[str, int]:
    """Word -> place; of a word that comes again the last."""
    return dict(zip(words, range(len(words)), strict=True))


def _listed(parts: Any) -> list[Any]:
    """One word or vector as a list of one."""
    if isinstance(parts, str) or (isinstance(parts, np.ndarray) and parts.ndim == 1):
        return [parts]
    return list(parts)
