"""Whether what ours did is what the original did: values, dtypes, identity, up to rounding."""

import numpy as np


def freeze(value):
    """A copy that later changes cannot reach."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (list, tuple)):
        return type(value)(freeze(part) for part in value)
    return value


def places(parts, whole):
    """Where each of some arrays is in a list; None if it is not."""
    return [next((k for k, a in enumerate(whole) if a is part), None) for part in parts]


def stream():
    """The state of NumPy's random stream, whichever generator is behind it."""
    return np.random.get_state(legacy=False)


def same_bits(a, b):
    """Whether what was frozen, or a random stream's state, is still what it was."""
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same_bits, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_bits(a[key], b[key]) for key in a)
    return a is b or a == b


def difference(rows, rtol):
    """How the first two values that differ do so, in words: rows are (what, original, ours)."""
    for what, a, b in rows:
        reason = unlike(a, b, rtol)
        if reason:
            return f"{what}: {reason}"
    return None


def unlike(a, b, rtol):
    """How two values differ, the original's first; None if they are alike.

    rtol is a share of the largest entry: float32 sums in another order stay below.
    """
    if type(a) is not type(b):
        return f"{_name(a)} here, {_name(b)} from fastembed"
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return f"{len(a)} here, {len(b)} from fastembed"
        return next(filter(None, (unlike(x, y, rtol) for x, y in zip(a, b, strict=True))), None)
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return f"{_name(a)} here, {_name(b)} from fastembed"
        return _first_apart(a, b, rtol)
    if isinstance(a, (float, np.floating)):
        return _first_apart(np.asarray(a), np.asarray(b), rtol)
    return None if a == b else f"{a!r} here, {b!r} from fastembed"


def _first_apart(a, b, rtol):
    apart = a != b
    if not apart.any():
        return None
    if a.dtype.kind == "f":
        finite = np.abs(a[np.isfinite(a)], dtype=np.float64)
        scale = finite.max() if finite.size else 0.0
        with np.errstate(all="ignore"):
            apart &= ~(np.abs(b - a) <= rtol * scale) & ~(np.isnan(a) & np.isnan(b))
        if not apart.any():
            return None
    where = tuple(int(k) for k in np.argwhere(apart)[0])
    at = f" at {list(where)}" if where else ""
    return f"{a[where]:.6g} here, {b[where]:.6g} from fastembed{at}"


def _name(value):
    if isinstance(value, np.ndarray):
        kind = "" if type(value) is np.ndarray else f"a {type(value).__name__}, "
        return f"{kind}{value.dtype} of shape {value.shape}"
    return "None" if value is None else f"a {type(value).__name__}"
