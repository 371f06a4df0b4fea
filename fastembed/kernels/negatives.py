"""Numba kernel that draws negative samples for a whole batch."""

import numpy as np

from fastembed.kernels._args import doubles, ids, int_matrix, integer
from fastembed.kernels._jit import kernel
from fastembed.kernels._rows import fetch

# a rest of the weights below this share of all is added up anew: as a difference it is rounding
RELIABLE = 2.0**-20


@kernel
def negative_samples(
    p: doubles, cdf: doubles, targets: ids, uniforms: doubles, removed: ids, out: int_matrix,
    progress: ids, budget: integer, guide: ids,
):  # fmt: skip
    """out[n, :] = draws without replacement, in proportion to p, never targets[n]

    As numpy.random.choice(V, S, replace=False, p=...) draws for each n in turn: as many numbers as
    are missing, all on the same p; what came twice is drawn again on p without what was found.

    p         (V,)    float64, S of them > 0 without the target  IN
    cdf       (V,)    float64, p summed up                       IN
    targets   (N,)    int64, 0 <= target < V                     IN
    uniforms  (M,)    float64, in [0, 1)                          IN
    removed   (S+1,)  int64                                       scratch
    out       (N, S)  int32                                       OUT
    progress  (3,)    int64: row, found in row, numbers used; go on from there  INOUT
    budget            int: leave after about so many operations
    guide     (G+2,)  int64: the first v with G cdf[v] / cdf[V - 1] >= g, for each g; or empty  IN
    Unchecked: call ops.negative_samples.
    """
    V, S = cdf.shape[0], out.shape[1]
    row, found, used = progress[0], progress[1], 0
    while row < out.shape[0] and used + S - found <= uniforms.shape[0] and budget > 0:
        _sort_removed(targets[row], out[row], found, removed)
        left = cdf[V - 1]
        for k in range(found + 1):
            left -= _weight(cdf, removed[k])
        reliable = left > RELIABLE * cdf[V - 1]
        if not reliable:
            left = _sum_without(p, removed, found + 1)
        first = found
        if guide.shape[0]:
            _fetch_ahead(cdf, targets, row, uniforms[used : used + S - first], left, guide)
        budget -= (S - first) * (S + 32 if reliable else S + V)
        for m in range(S - first):
            x = uniforms[used + m] * left
            if reliable:
                # put back the removed intervals that lie before x
                for k in range(first + 1):
                    v = removed[k]
                    if x >= cdf[v] - _weight(cdf, v):
                        x += _weight(cdf, v)
                v = _possible(cdf, _first_above(cdf, x, guide), removed, first + 1)
            else:
                v = _walk(p, x, removed, first + 1)
            known = False
            for k in range(first, found):
                known = known or out[row, k] == v
            if not known:
                out[row, found] = v
                found += 1
        used += S - first
        if found == S:
            row += 1
            found = 0
    progress[0], progress[1], progress[2] = row, found, used


@kernel
def _sum_without(p, removed, count):
    """sum over v of p[v], v not among removed[:count]"""
    total, k = 0.0, 0
    for v in range(p.shape[0]):
        if k < count and removed[k] == v:
            k += 1
        else:
            total += p[v]
    return total


@kernel
def _walk(p, x, removed, count):
    """The first v whose p and those before it, without the removed ones, make more than x."""
    total, k, last = 0.0, 0, 0
    for v in range(p.shape[0]):
        if k < count and removed[k] == v:
            k += 1
        elif p[v] > 0:
            total += p[v]
            last = v
            if total > x:
                break
    return last


@kernel
def _weight(cdf, v):
    return cdf[v] - cdf[v - 1] if v > 0 else cdf[0]


@kernel
def _sort_removed(target, drawn, count, removed):
    """removed[:count + 1] = target and drawn[:count], ascending."""
    removed[0] = target
    for k in range(count):
        v, place = drawn[k], k + 1
        while place > 0 and removed[place - 1] > v:
            removed[place] = removed[place - 1]
            place -= 1
        removed[place] = v


@kernel
def _first_above(cdf, x, guide):
    """The smallest v with cdf[v] > x; V if there is none."""
    lo, hi = 0, cdf.shape[0]
    if guide.shape[0]:
        place = _guided(x, cdf[hi - 1], guide.shape[0])
        lo, hi = guide[place], guide[place + 1]
    while lo < hi:
        mid = (lo + hi) // 2
        if cdf[mid] > x:
            hi = mid
        else:
            lo = mid + 1
    return lo


@kernel
def _fetch_ahead(cdf, targets, row, uniforms, left, guide):
    """Have on its way what the next draws and the next row will read, all at once."""
    total, size = cdf[cdf.shape[0] - 1], guide.shape[0]
    for m in range(uniforms.shape[0]):
        fetch(guide, 8 * _guided(uniforms[m] * left, total, size), 8)
    for m in range(uniforms.shape[0]):
        fetch(cdf, 8 * min(guide[_guided(uniforms[m] * left, total, size)], cdf.shape[0] - 1), 8)
    if row + 1 < targets.shape[0]:
        fetch(cdf, 8 * targets[row + 1], 8)


@kernel
def _guided(x, total, size):
    """Where a guide of that size has the first v with cdf[v] > x; grows with x."""
    return min(np.int64(x / total * (size - 2)), size - 2)


@kernel
def make_guide(cdf: doubles, guide: ids):
    """guide[g] = the first v that _guided places at g or beyond; V if there is none"""
    V, size, g = cdf.shape[0], guide.shape[0], 0
    for v in range(V):
        place = _guided(cdf[v], cdf[V - 1], size)
        while g <= place:
            guide[g] = v
            g += 1
    while g < size:
        guide[g] = V
        g += 1


@kernel
def _possible(cdf, v, removed, count):
    """Rounding may end on a removed id or past the last: the nearest one that can be drawn."""
    step = 1
    while v >= cdf.shape[0] or _weight(cdf, v) == 0 or _contains(removed, count, v):
        if v >= cdf.shape[0]:
            step = -1
        v += step
    return v


@kernel
def _contains(removed, count, v):
    for k in range(count):
        if removed[k] == v:
            return True
    return False
