"""Numba kernel that draws negative samples for a whole batch."""

from fastembed.kernels._jit import kernel


@kernel
def negative_samples(cdf, targets, uniforms, removed, out, progress):
    """out[n, :] = draws without replacement, in proportion to cdf's steps, never targets[n]

    As numpy.random.choice(V, S, replace=False, p=...) draws for each n in turn: as many numbers as
    are missing, all on the same p; what came twice is drawn again on p without what was found.

    cdf       (V,)    float64, nondecreasing             IN
    targets   (N,)    int64, 0 <= target < V              IN
    uniforms  (M,)    float64, in [0, 1)                  IN
    removed   (S+1,)  int64                               scratch
    out       (N, S)  int32                               OUT
    progress  (3,)    int64: row, found in row, numbers used; go on from there  INOUT
    Unchecked: call ops.negative_samples.
    """
    V, S = cdf.shape[0], out.shape[1]
    row, found, used = progress[0], progress[1], 0
    while row < out.shape[0] and used + S - found <= uniforms.shape[0]:
        _sort_removed(targets[row], out[row], found, removed)
        left = cdf[V - 1]
        for k in range(found + 1):
            left -= _weight(cdf, removed[k])
        first = found
        for m in range(S - first):
            x = uniforms[used + m] * left
            # put back the removed intervals that lie before x
            for k in range(first + 1):
                v = removed[k]
                if x >= cdf[v] - _weight(cdf, v):
                    x += _weight(cdf, v)
            v = _possible(cdf, _first_above(cdf, x), removed, first + 1)
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
def _first_above(cdf, x):
    """The smallest v with cdf[v] > x; V if there is none."""
    lo, hi = 0, cdf.shape[0]
    while lo < hi:
        mid = (lo + hi) // 2
        if cdf[mid] > x:
            hi = mid
        else:
            lo = mid + 1
    return lo


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
