"""Words from a model's scores: sampling, beams, and the text as it comes."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from fastembed._inputs import Array
from fastembed.functions import softmax

Words = Collection[int]
Next = Callable[[Sequence[int]], Array | None]  # from words to the scores (V,) of the next
Advance = Callable[[Array], Array]  # from words (B, 1) to scores (B, V)


def as_ids(start: Any) -> list[int]:
    """The ids of a start, which is one or several."""
    ids = [int(k) for k in np.atleast_1d(start)]
    if not ids:
        raise ValueError("start_id must have an id at least, got none")
    return ids


def tokenizer_of(model: Any) -> Any:
    """The model's tokenizer; ValueError if it has none."""
    if model.tokenizer is None:
        raise ValueError("the model has no tokenizer: give ids, or set model.tokenizer")
    return model.tokenizer


def sampled(
    scores_after: Next,
    start: Sequence[int],
    skip_ids: Words | None,
    sample_size: int,
    stop: Words,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Iterator[int]:
    """Words after a start, one by one; see `fastembed.models.Rnnlm.generate`."""
    if not temperature >= 0:
        raise ValueError(f"temperature must be >= 0, got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be >= 1, got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be in (0, 1], got {top_p}")
    skip = [] if skip_ids is None else [int(k) for k in skip_ids]
    plain = temperature == 1 and top_k is None and top_p is None

    def words() -> Iterator[int]:
        scores_after(start[:-1])
        word, count = start[-1], 1
        while count < sample_size:
            scores = scores_after([word])
            assert scores is not None
            if plain:  # the book's way: what must not come is drawn again
                p = softmax(scores)
                drawn = int(np.random.choice(len(p), p=p))
            else:
                drawn = _pick(scores.astype(np.float64), skip, temperature, top_k, top_p)
            if plain and drawn in skip:
                continue
            if drawn in stop:
                return
            word, count = drawn, count + 1
            yield word

    return words()


def _pick(
    scores: Array, skip: list[int], temperature: float, top_k: int | None, top_p: float | None
) -> int:
    scores[skip] = -np.inf
    if temperature == 0:
        return int(np.argmax(scores))
    order = np.argsort(-scores, kind="stable")[:top_k]
    with np.errstate(over="ignore"):  # at a temperature of next to nothing the best one stays 0
        p = softmax((scores[order] - scores[order[0]]) / temperature)
    if top_p is not None:  # the word with which top_p is reached is in
        p = p[: int(np.searchsorted(np.cumsum(p), top_p)) + 1]
    return int(order[np.random.choice(len(p), p=p / p.sum())])


def beam_search(
    advance: Advance,
    recurrent: list[Any],
    start: int,
    count: int,
    beam_size: int,
    skip: Words = (),
    stop: Words = (),
) -> list[int]:
    """The best count words after start, or fewer, up to a word of stop.

    advance(words (B, 1)) returns scores (B, V) and leaves states in the recurrent layers.
    """
    if beam_size < 1:
        raise ValueError(f"beam_size must be >= 1, got {beam_size}")
    ends = [int(k) for k in stop]
    words = np.array([[int(start)]])
    totals = np.zeros(1)  # log-probability of each candidate
    over = np.zeros(1, bool)
    for _ in range(count):
        p = softmax(advance(words[:, -1:]).astype(np.float64))
        with np.errstate(divide="ignore"):
            logs = np.log(p)
        logs[:, [int(k) for k in skip]] = -np.inf
        if over.any():  # a candidate that has ended goes on with its last word, at no cost
            logs[over] = -np.inf
            logs[over, words[over, -1]] = 0
        scores = (totals[:, np.newaxis] + logs).reshape(-1)
        best = np.argsort(-scores, kind="stable")[:beam_size]
        parents, chosen = np.divmod(best, logs.shape[1])
        totals = scores[best]
        words = np.concatenate([words[parents], chosen[:, np.newaxis]], axis=1)
        over = np.isin(chosen, ends)
        if over[0]:  # the best of all
            break
        for layer in recurrent:
            for part in layer.state:
                setattr(layer, part, getattr(layer, part)[parents])
    for layer in recurrent:  # the state after the best candidate
        for part in layer.state:
            setattr(layer, part, getattr(layer, part)[:1])
    found: list[int] = words[0, 1:].tolist()
    return found[: next((k for k, word in enumerate(found) if word in ends), None)]


# ---- text


def pieces(
    tokenizer: Any, start: Sequence[int], ids: Iterator[int], stop: str | None = None
) -> Iterator[str]:
    """The text that ids add to a start, as they come; it ends before the text stop."""
    before = len(tokenizer.decode(start))  # letters that are not told
    held = ""  # what may be the beginning of stop
    for piece in tokenizer.stream(chain(start, ids)):
        text, before = piece[before:], max(0, before - len(piece))
        text = held + text
        if stop and stop in text:
            yield text[: text.index(stop)]
            return
        size = next((n for n in range(len(stop or ""), 0, -1) if text.endswith(stop[:n])), 0)
        held = text[len(text) - size :]
        if len(text) > size:
            yield text[: len(text) - size]
    if held:
        yield held


def question(tokenizer: Any, text: str) -> list[int]:
    """The ids of a question as models read it: backwards, its first letter next to the answer.

    The end mark fills it up in front to 8, 16, 32, … ids: questions come in few lengths, and
    training and use pad alike.
    """
    ids = [int(k) for k in tokenizer.encode(text)[::-1]]
    width = max(8, 1 << (len(ids) - 1).bit_length())
    return [int(tokenizer.eos_id)] * (width - len(ids)) + ids


def of_one_length(sequences: Sequence[Sequence[int]], most: int = 500) -> Iterator[list[int]]:
    """Places of sequences that have the same length, and so need no padding; most at once."""
    places = sorted(range(len(sequences)), key=lambda k: len(sequences[k]))
    while places:
        size = len(sequences[places[0]])
        same = [k for k in places[:most] if len(sequences[k]) == size]
        yield same
        places = places[len(same) :]
