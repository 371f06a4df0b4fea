"""Recurrent layers over whole sequences: LSTM, GRU and plain RNN, forward and backward."""

import numpy as np

from fastembed import _check, threads
from fastembed.kernels import _variants as kernels
from fastembed.kernels import gru as gru_kernels
from fastembed.kernels import lstm as lstm_kernels
from fastembed.kernels import rnn as rnn_kernels
from fastembed.ops._workspace import Workspace

threads.blas_changed()  # the kernels use SciPy's BLAS, which is another library than NumPy's

# a thread more must save more than the 20 microseconds that handing over the work takes, and in
# each step more than a meeting of the gang, which takes long when others want the CPU too
FLOPS_PER_THREAD = 2_000_000
STEP_FLOPS_PER_THREAD = 200_000


class _Cache:
    """What a forward keeps for its backward: never changed after the forward."""

    __slots__ = ("kind", "xs", "Wx", "Wh", "saved", "isa")

    def __init__(self, kind, xs, Wx, Wh, saved):
        self.kind = kind
        self.xs = xs
        self.Wx = Wx
        self.Wh = Wh
        self.saved = saved
        self.isa = kernels.isa()  # saved is laid out for its vectors


def lstm(xs, Wx, Wh, b, h0=None, c0=None):
    """Run an LSTM over sequences: ``c = f c_prev + g i``, ``h = o tanh(c)`` at each step.

    f, i, o are sigmoid, g is tanh of ``x Wx + h_prev Wh + b``, in the order f, g, i, o.

    Parameters
    ----------
    xs : (N, T, D) ndarray of float32 or float64
        Inputs of T steps.
    Wx : (D, 4H) ndarray
    Wh : (H, 4H) ndarray
    b : (4H,) ndarray
    h0, c0 : (N, H) ndarray, optional
        Initial state; zero by default. Never written.

    Returns
    -------
    hs : (N, T, H) ndarray
        h after each step.
    h, c : (N, H) ndarray
        State after the last step.
    cache : object
        For `lstm_backward`. It refers to xs and the weights: leave them as they are until then.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or they differ in dtype.
    ValueError
        If shapes do not fit.

    References
    ----------
    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000), equation (2).
    """
    xs, Wx, Wh, b, (N, T, D, H) = _arguments("xs", xs, Wx, Wh, b, 4)
    h0, c0 = _state("h0", h0, xs, N, H), _state("c0", c0, xs, N, H)
    return _forward("lstm", xs, Wx, Wh, b, h0, c0)


def lstm_backward(dhs, cache):
    """Gradients of `lstm`.

    Parameters
    ----------
    dhs : (N, T, H) ndarray
        Gradient of hs. Add a gradient of the last h to ``dhs[:, -1]``.
    cache : object
        From `lstm`; it is not changed.

    Returns
    -------
    dxs : (N, T, D) ndarray
    dh0, dc0 : (N, H) ndarray
    dWx : (D, 4H) ndarray
    dWh : (H, 4H) ndarray
    db : (4H,) ndarray

    Raises
    ------
    TypeError, ValueError
        If cache is not from `lstm`, or dhs does not fit.
    """
    _check_cache(cache, "lstm")
    return _backward("lstm", _gradient("dhs", dhs, cache), cache)


def lstm_cell(x, h_prev, c_prev, Wx, Wh, b):
    """One step of `lstm`.

    Parameters
    ----------
    x : (N, D) ndarray of float32 or float64
    h_prev, c_prev : (N, H) ndarray
        State before the step. Never written.
    Wx, Wh, b : ndarray
        As in `lstm`.

    Returns
    -------
    h, c : (N, H) ndarray
    cache : object
        For `lstm_cell_backward`.

    Raises
    ------
    TypeError, ValueError
        As in `lstm`.
    """
    x, Wx, Wh, b, (N, T, D, H) = _arguments("x", x, Wx, Wh, b, 4)
    h_prev = _state("h_prev", h_prev, x, N, H)
    c_prev = _state("c_prev", c_prev, x, N, H)
    _, h, c, cache = _forward("lstm", x, Wx, Wh, b, h_prev, c_prev)
    return h, c, cache


def lstm_cell_backward(dh, dc, cache):
    """Gradients of `lstm_cell`.

    Parameters
    ----------
    dh, dc : (N, H) ndarray
        Gradients of h and c.
    cache : object
        From `lstm_cell`; it is not changed.

    Returns
    -------
    dx : (N, D) ndarray
    dh_prev, dc_prev : (N, H) ndarray
    dWx : (D, 4H) ndarray
    dWh : (H, 4H) ndarray
    db : (4H,) ndarray

    Raises
    ------
    TypeError, ValueError
        If cache is not from `lstm_cell`, or a gradient does not fit.
    """
    _check_cache(cache, "lstm_cell")
    dh = _gradient("dh", dh, cache)
    dc = _gradient("dc", dc, cache)
    return _backward("lstm", dh, cache, dc)


def rnn(xs, Wx, Wh, b, h0=None):
    """Run a plain recurrent network: ``h = tanh(x Wx + h_prev Wh + b)`` at each step.

    Parameters
    ----------
    xs : (N, T, D) ndarray of float32 or float64
    Wx : (D, H) ndarray
    Wh : (H, H) ndarray
    b : (H,) ndarray
    h0 : (N, H) ndarray, optional
        Initial state; zero by default. Never written.

    Returns
    -------
    hs : (N, T, H) ndarray
    h : (N, H) ndarray
        State after the last step.
    cache : object
        For `rnn_backward`. It refers to xs and the weights: leave them as they are until then.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.
    """
    xs, Wx, Wh, b, (N, T, D, H) = _arguments("xs", xs, Wx, Wh, b, 1)
    hs, h, _, cache = _forward("rnn", xs, Wx, Wh, b, _state("h0", h0, xs, N, H))
    return hs, h, cache


def rnn_backward(dhs, cache):
    """Gradients of `rnn`.

    Parameters
    ----------
    dhs : (N, T, H) ndarray
        Gradient of hs.
    cache : object
        From `rnn`; it is not changed.

    Returns
    -------
    dxs : (N, T, D) ndarray
    dh0 : (N, H) ndarray
    dWx : (D, H) ndarray
    dWh : (H, H) ndarray
    db : (H,) ndarray

    Raises
    ------
    TypeError, ValueError
        If cache is not from `rnn`, or dhs does not fit.
    """
    _check_cache(cache, "rnn")
    dxs, dh0, _, dWx, dWh, db = _backward("rnn", _gradient("dhs", dhs, cache), cache)
    return dxs, dh0, dWx, dWh, db


def rnn_cell(x, h_prev, Wx, Wh, b):
    """One step of `rnn`: x is (N, D), h_prev (N, H); returns h and a cache.

    Raises
    ------
    TypeError, ValueError
        As in `rnn`.
    """
    x, Wx, Wh, b, (N, T, D, H) = _arguments("x", x, Wx, Wh, b, 1)
    _, h, _, cache = _forward("rnn", x, Wx, Wh, b, _state("h_prev", h_prev, x, N, H))
    return h, cache


def rnn_cell_backward(dh, cache):
    """Gradients of `rnn_cell`: returns dx, dh_prev, dWx, dWh, db.

    Raises
    ------
    TypeError, ValueError
        If cache is not from `rnn_cell`, or dh does not fit.
    """
    _check_cache(cache, "rnn_cell")
    dx, dh_prev, _, dWx, dWh, db = _backward("rnn", _gradient("dh", dh, cache), cache)
    return dx, dh_prev, dWx, dWh, db


def gru(xs, Wx, Wh, b, h0=None):
    """Run a GRU over sequences: ``h = (1 - z) h_prev + z h_hat`` at each step.

    z, r are sigmoid of ``x Wx + h_prev Wh + b`` and h_hat is tanh of ``x Wx + (r h_prev) Wh + b``,
    in the order z, r, h_hat.

    Parameters
    ----------
    xs : (N, T, D) ndarray of float32 or float64
    Wx : (D, 3H) ndarray
    Wh : (H, 3H) ndarray
    b : (3H,) ndarray
    h0 : (N, H) ndarray, optional
        Initial state; zero by default. Never written.

    Returns
    -------
    hs : (N, T, H) ndarray
    h : (N, H) ndarray
        State after the last step.
    cache : object
        For `gru_backward`. It refers to xs and the weights: leave them as they are until then.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.

    References
    ----------
    Cho et al. (2014), section 2.3; z and 1 - z exchanged, as in *Deep Learning from Scratch 2*.
    """
    xs, Wx, Wh, b, (N, T, D, H) = _arguments("xs", xs, Wx, Wh, b, 3)
    hs, h, _, cache = _forward("gru", xs, Wx, Wh, b, _state("h0", h0, xs, N, H))
    return hs, h, cache


def gru_backward(dhs, cache):
    """Gradients of `gru`.

    Parameters
    ----------
    dhs : (N, T, H) ndarray
        Gradient of hs.
    cache : object
        From `gru`; it is not changed.

    Returns
    -------
    dxs : (N, T, D) ndarray
    dh0 : (N, H) ndarray
    dWx : (D, 3H) ndarray
    dWh : (H, 3H) ndarray
    db : (3H,) ndarray

    Raises
    ------
    TypeError, ValueError
        If cache is not from `gru`, or dhs does not fit.
    """
    _check_cache(cache, "gru")
    dxs, dh0, _, dWx, dWh, db = _backward("gru", _gradient("dhs", dhs, cache), cache)
    return dxs, dh0, dWx, dWh, db


def gru_cell(x, h_prev, Wx, Wh, b):
    """One step of `gru`: x is (N, D), h_prev (N, H); returns h and a cache.

    Raises
    ------
    TypeError, ValueError
        As in `gru`.
    """
    x, Wx, Wh, b, (N, T, D, H) = _arguments("x", x, Wx, Wh, b, 3)
    _, h, _, cache = _forward("gru", x, Wx, Wh, b, _state("h_prev", h_prev, x, N, H))
    return h, cache


def gru_cell_backward(dh, cache):
    """Gradients of `gru_cell`: returns dx, dh_prev, dWx, dWh, db.

    Raises
    ------
    TypeError, ValueError
        If cache is not from `gru_cell`, or dh does not fit.
    """
    _check_cache(cache, "gru_cell")
    dx, dh_prev, _, dWx, dWh, db = _backward("gru", _gradient("dh", dh, cache), cache)
    return dx, dh_prev, dWx, dWh, db


# ---- checks


def _arguments(name, xs, Wx, Wh, b, gates):
    """Check what every forward takes; contiguous arrays and N, T, D, H (a cell has T = 1)."""
    xs = _check.floats(name, xs, ndim=3 if name == "xs" else 2)
    dtype = xs.dtype
    Wx = _check.floats("Wx", Wx, 2, dtype)
    Wh = _check.floats("Wh", Wh, 2, dtype)
    b = _check.floats("b", b, 1, dtype)
    D, H = xs.shape[-1], Wh.shape[0]
    width = gates * H
    times = f"{gates}H" if gates > 1 else "H"
    if Wh.shape[1] != width:
        _check.shape("Wh", Wh, (H, width), f"(H, {times})")
    if Wx.shape != (D, width):
        _check.shape("Wx", Wx, (D, width), f"(D of {name}, {times} of Wh)")
    if b.shape[0] != width:
        _check.shape("b", b, (width,), f"({times} of Wh,)")
    ordered = np.ascontiguousarray
    T = xs.shape[1] if name == "xs" else 1
    return ordered(xs), ordered(Wx), ordered(Wh), ordered(b), (xs.shape[0], T, D, H)


def _state(name, state, xs, N, H):
    """An initial state or None, checked."""
    if state is None and name in ("h0", "c0"):
        return None
    state = _check.floats(name, state, 2, xs.dtype)
    if state.shape != (N, H):
        _check.shape(name, state, (N, H), "(N, H)")
    return state


def _check_cache(cache, kind):
    if type(cache) is not _Cache:
        raise TypeError(f"cache must come from {kind}, got {type(cache).__name__}")
    if cache.kind != kind:
        raise TypeError(f"cache must come from {kind}, got one from {cache.kind}")


def _gradient(name, gradient, cache):
    xs = cache.xs
    gradient = _check.floats(name, gradient, xs.ndim, xs.dtype)
    expected = xs.shape[:-1] + (cache.Wh.shape[0],)
    if gradient.shape != expected:
        _check.shape(name, gradient, expected)
    return np.ascontiguousarray(gradient)


# ---- allocation and kernel calls; a cell is a sequence of one step

GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def _steps(array):
    return array if array.ndim == 3 else array[:, None]


def _members(T, H, flops):
    """How many threads run the kernel: one unless each has enough to do."""
    if flops < 2 * FLOPS_PER_THREAD or flops < 2 * T * STEP_FLOPS_PER_THREAD:
        return 1
    enough = min(flops // FLOPS_PER_THREAD, flops // (T * STEP_FLOPS_PER_THREAD), -(-H // 16))
    return max(1, min(threads.get_num_threads(), enough))


def _gang(members, kernel, *arguments):
    if members == 1:
        kernel(*arguments, 0, 1, None)
    else:
        threads.run_gang(members, lambda member, sync: kernel(*arguments, member, members, sync))


def _forward(kind, xs, Wx, Wh, b, h0, c0=None):
    """hs, h, c or None, and the cache."""
    steps = _steps(xs)
    (N, T, D), H, dtype = steps.shape, Wh.shape[0], xs.dtype
    hs = np.empty((N, T, H), dtype)
    h = np.empty((N, H), dtype)
    c = np.empty((N, H), dtype) if kind == "lstm" else None
    members = _members(T, H, 2 * GATES[kind] * N * T * (D + H) * H)
    sizes = kernels.sizes_of(kind, dtype.num, N, T, D, H, members) if hs.size else None
    if sizes is None:
        saved = _BLAS[kind][0](steps, Wx, Wh, b, h0, c0, hs, h, c)
    else:
        h0 = None if h0 is None else np.ascontiguousarray(h0)
        c0 = None if c0 is None else np.ascontiguousarray(c0)
        saved = Workspace(sizes[0] * dtype.itemsize)
        scratch = Workspace(sizes[1] * dtype.itemsize)
        _gang(
            members, kernels.forward,
            kind, steps, Wx, Wh, b, h0, c0, saved.buffer, scratch.buffer, hs, h, c,
        )  # fmt: skip
    return hs, h, c, _Cache(kind if xs.ndim == 3 else f"{kind}_cell", xs, Wx, Wh, saved)


def _backward(kind, dhs, cache, dc_last=None):
    """dxs, dh, dc or None, dWx, dWh, db."""
    xs, Wx, Wh, saved = _steps(cache.xs), cache.Wx, cache.Wh, cache.saved
    (N, T, D), H, dtype = xs.shape, Wh.shape[0], xs.dtype
    dhs = _steps(dhs)
    dxs = np.empty_like(cache.xs)
    dh = np.empty((N, H), dtype)
    dc = np.empty((N, H), dtype) if kind == "lstm" else None
    dWx, dWh, db = np.empty_like(Wx), np.empty_like(Wh), np.empty(Wx.shape[1], dtype)
    if type(saved) is tuple:
        _BLAS[kind][1](dhs, dc_last, xs, Wx, Wh, saved, dxs, dh, dc, dWx, dWh, db)
        return dxs, dh, dc, dWx, dWh, db
    if cache.isa != kernels.isa():
        raise ValueError(
            f"cache was made with the instruction set {cache.isa}, this process uses "
            f"{kernels.isa()}: run forward again"
        )
    members = _members(T, H, 2 * GATES[kind] * N * T * (D + H) * H)
    sizes = kernels.sizes_of(kind, dtype.num, N, T, D, H, members)
    scratch = Workspace(sizes[2] * dtype.itemsize)
    _gang(
        members, kernels.backward,
        kind, dhs, dc_last, xs, Wx, Wh, saved.buffer, scratch.buffer,
        dxs, dh, dc, dWx, dWh, db,
    )  # fmt: skip
    return dxs, dh, dc, dWx, dWh, db


# ---- on BLAS, for H below a vector's width and for compilers without vectors


def _first_state(h_prev, h, h0):
    h[...] = 0 if h0 is None else h0
    h_prev[:, :1] = h[:, None]


def _lstm_blas(xs, Wx, Wh, b, h0, c0, hs, h, c):
    N, T, H = hs.shape
    gates = np.empty((N, T, 4 * H), hs.dtype)
    h_prev = np.empty((N, T, H), hs.dtype)
    cells = np.empty((N, T + 1, H), hs.dtype)
    _first_state(h_prev, h, h0)
    cells[:, 0] = 0 if c0 is None else c0
    with threads.one_blas_thread():
        lstm_kernels.forward(xs, Wx, Wh, b, gates, h_prev, cells, hs, h, c)
    return gates, h_prev, cells


def _lstm_blas_backward(dhs, dc_last, xs, Wx, Wh, saved, dxs, dh, dc, dWx, dWh, db):
    gates, h_prev, cells = saved
    dh[...] = 0
    dc[...] = 0 if dc_last is None else dc_last
    da = np.empty_like(gates)
    with threads.one_blas_thread():
        lstm_kernels.backward(dhs, xs, Wx, Wh, gates, h_prev, cells, da, dxs, dh, dc, dWx, dWh, db)


def _rnn_blas(xs, Wx, Wh, b, h0, c0, hs, h, c):
    h_prev, last = np.empty_like(hs), np.empty_like(h)
    _first_state(h_prev, h, h0)
    with threads.one_blas_thread():
        rnn_kernels.forward(xs, Wx, Wh, b, h_prev, last, hs, h)
    return h_prev, last


def _rnn_blas_backward(dhs, dc_last, xs, Wx, Wh, saved, dxs, dh, dc, dWx, dWh, db):
    h_prev, last = saved
    dh[...] = 0
    da = np.empty_like(h_prev)
    with threads.one_blas_thread():
        rnn_kernels.backward(dhs, xs, Wx, Wh, h_prev, last, da, dxs, dh, dWx, dWh, db)


def _gru_blas(xs, Wx, Wh, b, h0, c0, hs, h, c):
    N, T, H = hs.shape
    gates = np.empty((N, T, 3 * H), hs.dtype)
    h_prev, rh = np.empty_like(hs), np.empty_like(hs)
    _first_state(h_prev, h, h0)
    with threads.one_blas_thread():
        gru_kernels.forward(xs, Wx, Wh, b, gates, h_prev, rh, hs, h)
    return gates, h_prev, rh


def _gru_blas_backward(dhs, dc_last, xs, Wx, Wh, saved, dxs, dh, dc, dWx, dWh, db):
    gates, h_prev, rh = saved
    dh[...] = 0
    da, drh = np.empty_like(gates), np.empty_like(dh)
    with threads.one_blas_thread():
        gru_kernels.backward(dhs, xs, Wx, Wh, gates, h_prev, rh, da, drh, dxs, dh, dWx, dWh, db)


_BLAS = {
    "lstm": (_lstm_blas, _lstm_blas_backward),
    "gru": (_gru_blas, _gru_blas_backward),
    "rnn": (_rnn_blas, _rnn_blas_backward),
}
