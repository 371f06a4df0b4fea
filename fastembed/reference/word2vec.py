"""word2vec in plain NumPy, one word after the other."""

import numpy as np

PIECE = 512  # places of the text; no batch goes beyond one
FAR = 6  # a score beyond it teaches nothing
BITS = 2**64 - 1


def alias_table(p):
    p = np.asarray(p, float)
    accept, alias = p * (len(p) / p.sum()) if len(p) else p.copy(), np.arange(len(p))
    small, large = np.flatnonzero(accept < 1).tolist(), np.flatnonzero(accept >= 1).tolist()
    while small and large:
        alias[small[-1]] = large[-1]
        accept[large[-1]] -= 1 - accept[small.pop()]
        if accept[large[-1]] < 1:
            small.append(large.pop())
    accept[small + large] = 1  # but for rounding
    return accept, alias


def train_word2vec(
    W_in, W_out, ids, keep, accept, alias, *, start=0, stop=None, window=5, negative=5, lr=0.025,
    seed=0, shrink_windows=True, skip_gram=False, mean=True, batch=16, deterministic=True,
):  # fmt: skip
    stop = len(ids) if stop is None else stop
    window, negative, seed = int(window), int(negative), int(seed) % 2**64
    ids, alias = np.asarray(ids).tolist(), np.asarray(alias).tolist()
    draws = (keep, accept, alias), window, shrink_windows, negative, seed, skip_gram
    loss, targets = 0.0, 0
    for first in range(start, stop, PIECE):
        piece = range(first, min(first + PIECE, stop))
        drawn = [group for place in piece for group in _groups(place, ids, *draws)]
        for k in range(0, len(drawn), batch):
            scored = []
            for ins, outs, _ in drawn[k : k + batch]:
                h = W_in[:, ins].sum(axis=1) / (len(ins) if mean else 1)  # (S, C)
                scored.append((h, np.einsum("skc,sc->k", W_out[:, outs], h)))
            for (ins, outs, labels), (h, x) in zip(drawn[k : k + batch], scored, strict=True):
                loss += np.logaddexp(0, np.where(labels, -x, x)).sum()
                targets += labels.sum()
                error = np.zeros_like(h)
                factors = np.where(abs(x) < FAR, lr * (labels - 1 / (1 + np.exp(-x))), 0)
                for row, factor in zip(outs, factors, strict=True):
                    error += factor * W_out[:, row]
                    W_out[:, row] += factor * h
                np.add.at(W_in, (slice(None), ins), (error if mean else error / len(ins))[:, None])
    return loss, targets


def _scrambled(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & BITS
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & BITS
    return z ^ (z >> 31)


def _random(seed, place):
    """64 random bits after the other (SplitMix64)."""
    state = _scrambled(seed + 0x9E3779B97F4A7C15 * place & BITS)
    while True:
        state = state + 0x9E3779B97F4A7C15 & BITS
        yield _scrambled(state)


def _unit(bits):
    return (bits & 0xFFFFFF) / 2**24


def _below(bits, n):
    return (bits >> 32) * n >> 32


def _groups(place, ids, tables, window, shrink_windows, negative, seed, skip_gram):
    """What the word at a place trains, if anything: rows of W_in, rows of W_out, their labels."""
    keep, accept, alias = tables

    def kept(k):
        return _unit(next(_random(seed, k))) < keep[ids[k]]

    def neighbours(k, step, count):
        found = []
        while len(found) < count and 0 <= (k := k + step) < len(ids) and ids[k] >= 0:
            if kept(k):
                found.append(ids[k])
        return found

    if ids[place] < 0 or not kept(place):
        return
    bits = _random(seed, place)
    drawn = 1 + _below(next(bits), window)
    reach = drawn if shrink_windows else window
    around = neighbours(place, -1, reach)[::-1] + neighbours(place, 1, reach)
    for ins in [[other] for other in around] if skip_gram else [around] if around else []:
        outs = [ids[place]]
        for _ in range(negative):
            drawn = next(bits)
            k = _below(drawn, len(keep))
            k = k if _unit(drawn) < accept[k] else alias[k]
            if k != outs[0]:
                outs.append(k)
        yield ins, outs, np.arange(len(outs)) == 0
