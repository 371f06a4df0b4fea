"""Numba kernels of row-sparse gradients: equal ids found, the rows of each added up.

Unchecked: call ops.coalesce.
"""

import numpy as np

from fastembed.kernels._args import ids, integer, matrix
from fastembed.kernels._jit import kernel
from fastembed.kernels._rows import fetch
from fastembed.kernels.embedding import AHEAD, _add_row

FEW = 24  # keys that are sorted by insertion sooner than by counting


@kernel
def group_equal(
    idx: ids, skip: integer, shift: integer, bits: integer, digit: integer,
    keys: ids, spare: ids, counts: ids, rows: ids, starts: ids, found: ids,
):  # fmt: skip
    """The ids in idx, each once and ascending, and where in idx they are.

    With U = found[0] and mask = (1 << shift) - 1: keys[starts[u]:starts[u + 1]] & mask are all n
    with idx[n] == rows[u], ascending. An id that is skip is left out.

    idx     (N,)          int64, 0 <= idx < 1 << bits   IN
    shift                 int, N <= 1 << shift, shift + bits < 64
    digit                 int, bits that are sorted by in one pass
    keys    (N,)          int64                          OUT
    spare   (N,)          int64                          scratch
    counts  (1 << digit,) int64                          scratch
    rows    (N,)          int64                          OUT
    starts  (N + 1,)      int64                          OUT
    found   (1,)          int64                          OUT
    """
    count = np.uint64(0)
    for n in range(np.uint64(idx.shape[0])):
        if idx[n] != skip:
            keys[count] = idx[n] << shift | np.int64(n)
            count += np.uint64(1)
    keys, spare = keys[:count], spare[:count]
    if count <= FEW:
        _insert(keys)
    else:
        place = shift
        while place < shift + bits:  # a range's step might be 0, which is an error
            _count(keys, place, counts, spare)
            for k in range(count):
                keys[k] = spare[k]
            place += digit
    places = np.uint64(0)
    last = np.int64(-1)
    for k in range(count):
        row = keys[k] >> shift
        if row != last:
            rows[places], starts[places], last = row, np.int64(k), row
            places += np.uint64(1)
    starts[places] = np.int64(count)
    found[0] = np.int64(places)


@kernel
def _insert(keys):
    """Sort by insertion."""
    for k in range(1, keys.shape[0]):
        key, place = keys[k], k
        while place > 0 and keys[place - 1] > key:
            keys[place] = keys[place - 1]
            place -= 1
        keys[place] = key


@kernel(forceinline=True)  # an entry is one function
def _count(keys, place, counts, out):
    """out = keys, sorted by their bits from place on, as many as counts can tell apart; stable"""
    mask = np.uint64(counts.shape[0] - 1)
    counts[:] = 0
    for k in range(np.uint64(keys.shape[0])):
        counts[np.uint64(keys[k] >> place) & mask] += 1
    total = 0
    for j in range(np.uint64(counts.shape[0])):
        counts[j], total = total, total + counts[j]
    for k in range(np.uint64(keys.shape[0])):
        j = np.uint64(keys[k] >> place) & mask
        out[np.uint64(counts[j])] = keys[k]
        counts[j] += 1


@kernel
def sum_groups(
    keys: ids, starts: ids, shift: integer, mean: integer, dout: matrix, values: matrix, lo, hi
):
    """values[u] = the sum of dout[n] over the group u of group_equal, in order; for lo <= u < hi

    keys    (N,)      int64, of group_equal  IN
    starts  (U + 1,)  int64, of group_equal  IN
    mean              int; 1: divided by how many they are
    dout    (N, D)    float32 | float64      IN
    values  (U, D)    dtype of dout          OUT
    """
    mask = (1 << shift) - 1
    nbytes, ahead = dout.shape[1] * dout.itemsize, np.uint64(AHEAD)
    last = np.uint64(starts[hi])
    for u in range(np.uint64(lo), np.uint64(hi)):
        start, end = np.uint64(starts[u]), np.uint64(starts[u + np.uint64(1)])
        target = values[u]
        for k in range(start, end):
            if k + ahead < last:
                fetch(dout, (keys[k + ahead] & mask) * nbytes, nbytes)
            n = keys[k] & mask
            if k == start:
                source = dout[np.uint64(n)]
                for d in range(target.shape[0]):
                    target[d] = source[d]
            else:
                _add_row(dout, n, values, u)
        if mean:
            share = values.dtype.type(1 / np.float64(end - start))
            for d in range(target.shape[0]):
                target[d] *= share
