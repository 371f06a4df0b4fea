"""Helpers around the models: text, word vectors, co-occurrence, clipping, evaluation."""

import os
import sys
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from fastembed import _gradients
from fastembed._inputs import Array, Scalar

__all__ = [
    "analogy",
    "clip_grads",
    "convert_one_hot",
    "cos_similarity",
    "create_co_matrix",
    "create_contexts_target",
    "eval_perplexity",
    "eval_seq2seq",
    "most_similar",
    "normalize",
    "np",
    "os",
    "ppmi",
    "preprocess",
    "sys",
    "to_cpu",
    "to_gpu",
]


Ids = dict[str, int]
Words = dict[int, str]

# ---- text and contexts


def preprocess(text: str) -> tuple[Array, Ids, Words]:
    """Split text, lowered, into words and full stops and number them in order of appearance.

    Returns
    -------
    corpus : ndarray of int
    word_to_id, id_to_word : dict
    """
    words = text.lower().replace(".", " .").split(" ")
    word_to_id = {word: k for k, word in enumerate(dict.fromkeys(words))}
    id_to_word = {k: word for word, k in word_to_id.items()}
    return np.array([word_to_id[word] for word in words]), word_to_id, id_to_word


def create_contexts_target(corpus: ArrayLike, window_size: int = 1) -> tuple[Array, Array]:
    """Pair each word with the words around it.

    Returns
    -------
    contexts : (len(corpus) - 2 * window_size, 2 * window_size) ndarray
    target : (len(corpus) - 2 * window_size,) ndarray
    """
    corpus = np.asarray(corpus)
    target = np.array(corpus[window_size:-window_size])
    if len(corpus) <= 2 * window_size:
        return np.array([]), target
    windows = sliding_window_view(corpus, 2 * window_size + 1)
    return np.delete(windows, window_size, axis=1), target


def convert_one_hot(corpus: Array, vocab_size: int) -> Array:
    """One-hot rows, int32, of ids (N,) or (N, C)."""
    one_hot = np.zeros(corpus.shape + (vocab_size,), dtype=np.int32)
    one_hot.reshape(-1, vocab_size)[np.arange(corpus.size), corpus.reshape(-1)] = 1
    return one_hot


def create_co_matrix(corpus: ArrayLike, vocab_size: int, window_size: int = 1) -> Array:
    """Count how often words stand at most window_size apart: (vocab_size, vocab_size) int32."""
    ids = np.asarray(corpus).astype(np.int64)
    if ids.size and not (-vocab_size <= ids.min() and ids.max() < vocab_size):
        raise IndexError(f"corpus has an id outside [-{vocab_size}, {vocab_size})")
    ids %= vocab_size
    counts = np.zeros(vocab_size * vocab_size, dtype=np.int32)
    for apart in range(1, min(window_size, len(ids) - 1) + 1):
        left, right = ids[:-apart], ids[apart:]
        for pairs in (left * vocab_size + right, right * vocab_size + left):
            found, times = np.unique(pairs, return_counts=True)
            counts[found] += times.astype(np.int32)
    return counts.reshape(vocab_size, vocab_size)


def ppmi(C: Array, verbose: bool = False, eps: float = 1e-8) -> Array:
    """Positive pointwise mutual information of a co-occurrence matrix C (V, V), as float32.

    Verbose prints progress; eps keeps log2 away from 0.
    """
    M = np.zeros_like(C, dtype=np.float32)
    N = np.sum(C)
    S = np.sum(C, axis=0)
    step = max(1, (1 << 20) // max(1, C.shape[1]))  # a block of rows: temporaries stay small
    for i in range(0, C.shape[0], step):
        rows = slice(i, i + step)
        with np.errstate(divide="ignore", invalid="ignore"):
            pmi = np.log2(C[rows] * N / (S * S[rows, np.newaxis]) + eps)
        M[rows] = np.where(pmi > 0, pmi, 0)
        if verbose:
            print(f"{100 * min(1, (i + step) / C.shape[0]):.1f}% done")
    return M


# ---- word vectors


def cos_similarity(x: Array, y: Array, eps: float = 1e-8) -> Scalar:
    """Cosine of the angle between vectors x and y; eps keeps it away from 0 / 0."""
    nx = x / (np.sqrt(np.sum(x**2)) + eps)
    ny = y / (np.sqrt(np.sum(y**2)) + eps)
    return np.dot(nx, ny)


def normalize(x: Array) -> Array:
    """Divide a vector, or each row of a matrix, by its length, in place; returns x."""
    if x.ndim == 2:
        x /= np.sqrt((x * x).sum(1)).reshape(-1, 1)
    elif x.ndim == 1:
        x /= np.sqrt((x * x).sum())
    return x


def most_similar(
    query: str, word_to_id: Ids, id_to_word: Words, word_matrix: Array, top: int = 5
) -> None:
    """Print the words whose rows of word_matrix point most nearly where query's does."""
    if query not in word_to_id:
        print(f"{query} is not found")
        return
    print("\n[query] " + query)
    rows = word_matrix[: len(id_to_word)]
    eps = 1e-8
    norms = np.sqrt(np.sum(rows**2, axis=1)) + eps
    vector = word_matrix[word_to_id[query]]
    vector = vector / (np.sqrt(np.sum(vector**2)) + eps)
    similarity = np.dot(rows / norms[:, np.newaxis], vector).astype(np.float64)
    _print_best(similarity, id_to_word, {query}, top)


def analogy(
    a: str,
    b: str,
    c: str,
    word_to_id: Ids,
    id_to_word: Words,
    word_matrix: Array,
    top: int = 5,
    answer: str | None = None,
) -> None:
    """Print the words that are to c as b is to a; with answer, also that word's score."""
    for word in (a, b, c):
        if word not in word_to_id:
            print(f"{word} is not found")
            return
    print("\n[analogy] " + a + ":" + b + " = " + c + ":?")
    a_vec, b_vec, c_vec = (word_matrix[word_to_id[word]] for word in (a, b, c))
    query = normalize(b_vec - a_vec + c_vec)
    similarity = np.dot(word_matrix, query)
    if answer is not None:
        print("==>" + answer + ":" + str(np.dot(word_matrix[word_to_id[answer]], query)))
    _print_best(similarity, id_to_word, {a, b, c}, top)


def _print_best(similarity: Array, id_to_word: Words, without: set[str], top: int) -> None:
    count = 0
    for i in (-1 * similarity).argsort():
        if np.isnan(similarity[i]) or id_to_word[i] in without:
            continue
        print(f" {id_to_word[i]}: {similarity[i]}")
        count += 1
        if count >= top:
            return


# ---- training


def clip_grads(grads: list[Any], max_norm: float) -> None:
    """Scale grads in place so that their common Euclidean norm is at most max_norm."""
    _gradients.clip(grads, max_norm)


def eval_perplexity(
    model: Any, corpus: ArrayLike, batch_size: int = 10, time_size: int = 35
) -> Scalar:
    """Perplexity of a language model on a corpus; progress goes to stdout.

    Parameters
    ----------
    model : object
        ``forward(xs, ts, train_flg=False)``, or without train_flg.
    corpus : sequence of int
    batch_size, time_size : int
    """
    print("evaluating perplexity ...")
    corpus = np.asarray(corpus)
    size = len(corpus)
    max_iters = (size - 1) // (batch_size * time_size)
    jump = (size - 1) // batch_size
    starts = np.arange(batch_size)[:, np.newaxis] * jump + np.arange(time_size)  # (N, T)
    total_loss = 0
    for iters in range(max_iters):
        where = starts + iters * time_size
        xs = corpus[where % size].astype(np.int32)
        ts = corpus[(where + 1) % size].astype(np.int32)
        try:
            loss = model.forward(xs, ts, train_flg=False)
        except TypeError:
            loss = model.forward(xs, ts)
        total_loss += loss
        sys.stdout.write(f"\r{iters} / {max_iters}")
        sys.stdout.flush()
    print("")
    if max_iters == 0:
        raise ValueError(
            f"corpus has {size} words, fewer than one batch of {batch_size} x {time_size} + 1"
        )
    return np.exp(total_loss / max_iters)


def eval_seq2seq(
    model: Any,
    question: Array,
    correct: Array,
    id_to_char: dict[int, str],
    verbose: bool = False,
    is_reverse: bool = False,
) -> int:
    """Whether the model's greedy answer to one question is correct: 1 or 0.

    Parameters
    ----------
    model : object
        ``generate(question, start_id, count)`` returns ids.
    question, correct : (1, T) ndarray of ids
        The first of correct is the start mark.
    id_to_char : dict
    verbose, is_reverse : bool
        Print question, target and guess; print a reversed question the right way round.
    """
    start_id, *right = correct.flatten()
    answer = model.generate(question, start_id, len(right))
    asked, target, guess = (
        "".join(id_to_char[int(c)] for c in ids) for ids in (question.flatten(), right, answer)
    )
    if verbose:
        print("Q", asked[::-1] if is_reverse else asked)
        print("T", target)
        print(_mark(target == guess) + " " + guess)
        print("---")
    return 1 if guess == target else 0


def _mark(right: bool) -> str:
    if os.name == "nt":
        return "O" if right else "X"
    return "\033[92m☑\033[0m" if right else "\033[91m☒\033[0m"


# ---- devices


def to_cpu(x: Any) -> Array:
    """The array itself; a CuPy array is copied to a NumPy one."""
    if type(x) is np.ndarray:
        return x
    import cupy

    array: Array = cupy.asnumpy(x)
    return array


def to_gpu(x: Any) -> Any:
    """A CuPy array of x; needs cupy."""
    import cupy

    return x if type(x) is cupy.ndarray else cupy.asarray(x)
