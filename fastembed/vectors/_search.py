"""The rows of a matrix that point most nearly where some vectors do, found block by block."""

from typing import Any

import numpy as np

from fastembed import ops

SCORES = 1 << 20  # of a block: what the product writes, the comparison finds in the cache
QUERIES = 512  # that are looked for together
ROWS = 1 << 14  # of a block, at most
WORST = -2  # what NaN counts as
FEW = 8  # queries with which NumPy's product is quicker


def norms(vectors: Any) -> Any:
    """Lengths of rows; 1 for rows of length 0, which are similar to nothing."""
    found = np.empty(len(vectors), np.float64 if vectors.dtype == np.float64 else np.float32)
    for lo in range(0, len(vectors), ROWS):
        block = np.asarray(vectors[lo : lo + ROWS], found.dtype)
        found[lo : lo + ROWS] = np.sqrt(np.einsum("vd,vd->v", block, block))
    found[found == 0] = 1
    return found


def nearest(vectors: Any, lengths: Any, queries: Any, k: int) -> tuple[Any, Any]:
    """Ids (Q, k) and cosines of the nearest rows, the nearest first, lower ids before equal ones.

    vectors (V, D), their norms (V,), queries (Q, D) of length 1; k <= V. Similarities of NaN come
    last.
    """
    parts = [
        _nearest(vectors, lengths, queries[lo : lo + QUERIES], k)
        for lo in range(0, len(queries), QUERIES)
    ]
    ids, scores = map(np.concatenate, zip(*parts, strict=True))
    scores[scores == WORST] = np.nan
    return ids, scores


def _nearest(vectors: Any, lengths: Any, queries: Any, k: int) -> tuple[Any, Any]:
    Q, V = len(queries), len(vectors)
    most = max(k, min(ROWS, SCORES // Q))
    least = np.full((Q, 1), -3, queries.dtype)  # that a row needs to be among the best so far
    best = (np.empty(0, np.intp),) * 2 + (np.empty(0, queries.dtype),)  # queries, ids, scores
    inverse = 1 / lengths
    lo, size = 0, min(most, max(4 * k, 256))
    while lo < V:
        block = np.asarray(vectors[lo : lo + size], queries.dtype)
        scores = (np.matmul if Q < FEW else ops.matmul)(queries, block.T)
        scores *= inverse[lo : lo + size]
        if lo == 0:
            scores[np.isnan(scores)] = WORST
        better = scores > least
        at = np.flatnonzero(better)
        if len(at) > 8 * Q * k and k < len(block):  # none but the block's best
            scores[np.isnan(scores)] = WORST
            place = len(block) - k
            better &= scores >= np.partition(scores, place, axis=1)[:, place, np.newaxis]
            at = np.flatnonzero(better)
        if len(at):
            query, ids = np.divmod(at, len(block))
            new = query, ids + lo, scores.reshape(-1)[at]
            best = _best(Q, k, *map(np.concatenate, zip(best, new, strict=True)))
            least = best[2].reshape(Q, k)[:, -1:]
        lo += size
        size = min(most, 2 * size)  # about k of twice as many rows are better
    return best[1].reshape(Q, k), best[2].reshape(Q, k)


def _best(Q: int, k: int, query: Any, ids: Any, scores: Any) -> tuple[Any, Any, Any]:
    """The k best of each query, in order."""
    order = np.lexsort((ids, -scores, query))
    query = query[order]
    rank = np.arange(len(query)) - np.searchsorted(query, np.arange(Q))[query]
    keep = order[rank < k]
    return query[rank < k], ids[keep], scores[keep]
