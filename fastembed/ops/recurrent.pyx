"""Recurrent layers over whole sequences: LSTM, GRU and plain RNN, forward and backward."""

import numpy as np

from fastembed import _check
from fastembed.kernels._variants import isa

cimport numpy as cnp
from libc.stdint cimport int64_t

from fastembed.kernels._variants cimport GRU, LSTM, RNN, cell, chosen, job, sizes
from fastembed.ops._costs cimport FLOPS_A_NS, NS_A_MEETING
from fastembed.ops._fit cimport (
    apart, axis, data, empty, empty_like, is_plain, is_real, real_with, same_shape, writable,
)
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport members_for, run_phases

cnp.import_array()

cdef enum:
    ROWS = 6

NAMES = {LSTM: "lstm", GRU: "gru", RNN: "rnn"}


cdef class Cache:
    """What a forward keeps for its backward: never changed after the forward."""

    cdef readonly str kind
    cdef public str isa
    cdef readonly object xs, Wx, Wh
    cdef Memory saved  # laid out for the vectors of isa

    def __init__(self, kind, isa, xs, Wx, Wh, saved):
        self.kind, self.isa, self.xs, self.Wx, self.Wh = kind, isa, xs, Wx, Wh
        self.saved = saved

    def __reduce__(self):
        return Cache, (self.kind, self.isa, self.xs, self.Wx, self.Wh, self.saved)


def lstm(xs, Wx, Wh, b, h0=None, c0=None, *, need_cache=True):
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
    need_cache : bool
        False where no backward follows: quicker, in less memory, and cache is None.

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
    hs, h, c, cache = forward(LSTM, False, xs, Wx, Wh, b, h0, c0, need_cache)
    return hs, h, c, cache


def lstm_backward(dhs, cache, *, out=None):
    """Gradients of `lstm`.

    Parameters
    ----------
    dhs : (N, T, H) ndarray
        Gradient of hs. Add a gradient of the last h to ``dhs[:, -1]``.
    cache : object
        From `lstm`; it is not changed.
    out : (dWx, dWh, db), optional
        Arrays to overwrite. They must not overlap the inputs or each other.

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
    return backward(LSTM, False, dhs, None, cache, out)


def lstm_cell(x, h_prev, c_prev, Wx, Wh, b, *, need_cache=True):
    """One step of `lstm`.

    Parameters
    ----------
    x : (N, D) ndarray of float32 or float64
    h_prev, c_prev : (N, H) ndarray
        State before the step. Never written.
    Wx, Wh, b : ndarray
        As in `lstm`.
    need_cache : bool
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
    _, h, c, cache = forward(LSTM, True, x, Wx, Wh, b, h_prev, c_prev, need_cache)
    return h, c, cache


def lstm_cell_backward(dh, dc, cache, *, out=None):
    """Gradients of `lstm_cell`.

    Parameters
    ----------
    dh, dc : (N, H) ndarray
        Gradients of h and c.
    cache : object
        From `lstm_cell`; it is not changed.
    out : (dWx, dWh, db), optional
        Arrays to overwrite.

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
    return backward(LSTM, True, dh, dc, cache, out)


def rnn(xs, Wx, Wh, b, h0=None, *, need_cache=True):
    """Run a plain recurrent network: ``h = tanh(x Wx + h_prev Wh + b)`` at each step.

    Parameters
    ----------
    xs : (N, T, D) ndarray of float32 or float64
    Wx : (D, H) ndarray
    Wh : (H, H) ndarray
    b : (H,) ndarray
    h0 : (N, H) ndarray, optional
        Initial state; zero by default. Never written.
    need_cache : bool
        False where no backward follows: quicker, in less memory, and cache is None.

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
    hs, h, _, cache = forward(RNN, False, xs, Wx, Wh, b, h0, None, need_cache)
    return hs, h, cache


def rnn_backward(dhs, cache, *, out=None):
    """Gradients of `rnn`.

    Parameters
    ----------
    dhs : (N, T, H) ndarray
        Gradient of hs.
    cache : object
        From `rnn`; it is not changed.
    out : (dWx, dWh, db), optional
        Arrays to overwrite. They must not overlap the inputs or each other.

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
    dxs, dh0, _, dWx, dWh, db = backward(RNN, False, dhs, None, cache, out)
    return dxs, dh0, dWx, dWh, db


def rnn_cell(x, h_prev, Wx, Wh, b, *, need_cache=True):
    """One step of `rnn`: x is (N, D), h_prev (N, H); returns h and a cache.

    Raises
    ------
    TypeError, ValueError
        As in `rnn`.
    """
    _, h, _, cache = forward(RNN, True, x, Wx, Wh, b, h_prev, None, need_cache)
    return h, cache


def rnn_cell_backward(dh, cache, *, out=None):
    """Gradients of `rnn_cell`: returns dx, dh_prev, dWx, dWh, db.

    Raises
    ------
    TypeError, ValueError
        If cache is not from `rnn_cell`, or dh does not fit.
    """
    dx, dh_prev, _, dWx, dWh, db = backward(RNN, True, dh, None, cache, out)
    return dx, dh_prev, dWx, dWh, db


def gru(xs, Wx, Wh, b, h0=None, *, need_cache=True):
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
    need_cache : bool
        False where no backward follows: quicker, in less memory, and cache is None.

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
    hs, h, _, cache = forward(GRU, False, xs, Wx, Wh, b, h0, None, need_cache)
    return hs, h, cache


def gru_backward(dhs, cache, *, out=None):
    """Gradients of `gru`.

    Parameters
    ----------
    dhs : (N, T, H) ndarray
        Gradient of hs.
    cache : object
        From `gru`; it is not changed.
    out : (dWx, dWh, db), optional
        Arrays to overwrite. They must not overlap the inputs or each other.

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
    dxs, dh0, _, dWx, dWh, db = backward(GRU, False, dhs, None, cache, out)
    return dxs, dh0, dWx, dWh, db


def gru_cell(x, h_prev, Wx, Wh, b, *, need_cache=True):
    """One step of `gru`: x is (N, D), h_prev (N, H); returns h and a cache.

    Raises
    ------
    TypeError, ValueError
        As in `gru`.
    """
    _, h, _, cache = forward(GRU, True, x, Wx, Wh, b, h_prev, None, need_cache)
    return h, cache


def gru_cell_backward(dh, cache, *, out=None):
    """Gradients of `gru_cell`: returns dx, dh_prev, dWx, dWh, db.

    Raises
    ------
    TypeError, ValueError
        If cache is not from `gru_cell`, or dh does not fit.
    """
    dx, dh_prev, _, dWx, dWh, db = backward(GRU, True, dh, None, cache, out)
    return dx, dh_prev, dWx, dWh, db


# ---- doors; a single step is a sequence of one


cdef tuple forward(int kind, bint single, xs, Wx, Wh, b, h0, c0, bint need_cache):
    """hs, h, c or None, and the cache or None."""
    cdef const cell *k = chosen.of[0].cells[kind]
    cdef int real = real_with(xs, 2 if single else 3)
    cdef job j
    cdef sizes s
    cdef int64_t itemsize
    cdef Memory saved, scratch
    cdef cnp.npy_intp[3] shape
    if real < 0 or not fit(k, real, xs, Wx, Wh, b, h0, c0):
        xs, Wx, Wh, b, h0, c0 = _made_fit(kind, single, xs, Wx, Wh, b, h0, c0)
        real = real_with(xs, xs.ndim)
    elif single and (h0 is None or (k.state and c0 is None)):
        _state("h_prev" if h0 is None else "c_prev", None, None, None)
    k = chosen.of[real].cells[kind]
    itemsize = 8 if real else 4
    set_sizes(&j, k, real, xs, Wh)
    shape[0], shape[1], shape[2] = j.N, j.T, j.H
    hs = None if single else empty(3, shape, real)
    shape[1] = j.H
    h, c = empty(2, shape, real), empty(2, shape, real) if k.state else None
    if j.N == 0 or j.H == 0 or j.T == 0:
        h[...] = 0 if h0 is None else h0
        if c is not None:
            c[...] = 0 if c0 is None else c0
        saved = None
    else:
        j.keep = need_cache
        k.sizes(&j, &s)
        saved, scratch = take(s.saved * itemsize), take(s.forward * itemsize)
        j.xs, j.Wx, j.Wh, j.b = data(xs), data(Wx), data(Wh), data(b)
        j.h0 = NULL if h0 is None else data(h0)
        j.c0 = NULL if c0 is None else data(c0)
        j.saved, j.scratch = saved.start, scratch.start
        j.h, j.hs, j.c = data(h), data(h if single else hs), NULL if c is None else data(c)
        with nogil:
            run_phases(k.forward, &j, 1 + j.T * k.products, j.parts)
    if not need_cache:
        return hs, h, c, None
    name = <str>NAMES[kind] + "_cell" if single else <str>NAMES[kind]
    return hs, h, c, Cache(name, isa(), xs, Wx, Wh, saved)


cdef tuple backward(int kind, bint single, dhs, dc_last, cache, out):
    """dxs, dh, dc or None, dWx, dWh, db."""
    cdef const cell *k
    cdef int real
    cdef job j
    cdef sizes s
    cdef Memory scratch
    cdef Cache kept
    cdef cnp.npy_intp[2] shape
    _check_cache(cache, <str>NAMES[kind] + "_cell" if single else <str>NAMES[kind])
    kept = cache
    xs, Wx, Wh = kept.xs, kept.Wx, kept.Wh
    real = real_with(xs, 2 if single else 3)
    k = chosen.of[real].cells[kind]
    set_sizes(&j, k, real, xs, Wh)
    dhs = _gradient("dh" if single else "dhs", dhs, kept)
    if single and k.state:
        dc_last = _gradient("dc", dc_last, kept)
    shape[0], shape[1] = j.N, j.H
    dxs, dh = empty_like(xs, real), empty(2, shape, real)
    dc = empty(2, shape, real) if k.state else None
    if out is None:
        dWx, dWh = empty_like(Wx, real), empty_like(Wh, real)
        db = empty(1, cnp.PyArray_DIMS(<cnp.ndarray>Wx) + 1, real)
    else:
        dWx, dWh, db = _check.several("out", out, 3)
        if not outputs_fit(real, dWx, dWh, db, kept, dhs, dc_last):
            _check_outputs(dWx, dWh, db, kept, dhs, dc_last)
            fresh = backward(kind, single, dhs, dc_last, cache, None)
            dWx[...], dWh[...], db[...] = fresh[3:]
            return (*fresh[:3], dWx, dWh, db)
    if kept.saved is None:
        for array in (dxs, dh, dWx, dWh, db):
            array.fill(0)
        if dc is not None:
            dc[...] = 0 if dc_last is None else dc_last
        return dxs, dh, dc, dWx, dWh, db
    if kept.isa != isa():
        raise ValueError(
            f"cache was made with the instruction set {kept.isa}, this process uses {isa()}: "
            "run forward again"
        )
    j.keep = True
    k.sizes(&j, &s)
    scratch = take(s.backward * (8 if real else 4))
    j.xs, j.Wx, j.Wh = data(xs), data(Wx), data(Wh)
    j.saved, j.scratch, j.dhs = kept.saved.start, scratch.start, data(dhs)
    j.dc_last = NULL if dc_last is None else data(dc_last)
    j.dxs, j.dh, j.dc = data(dxs), data(dh), NULL if dc is None else data(dc)
    j.dWx, j.dWh, j.db = data(dWx), data(dWh), data(db)
    with nogil:
        run_phases(k.backward, &j, 2 + j.T * k.products, j.parts)
    return dxs, dh, dc, dWx, dWh, db


cdef void set_sizes(job *j, const cell *k, int real, xs, Wh) noexcept:
    """Sizes, and parts: as many as have enough to do in every phase."""
    cdef int last = cnp.PyArray_NDIM(<cnp.ndarray>xs) - 1
    cdef double step, enough
    j.N, j.T, j.D, j.H = axis(xs, 0), axis(xs, 1) if last == 2 else 1, axis(xs, last), axis(Wh, 0)
    # few rows cost as much as ROWS: the weights have to come from the cache for one as well
    step = 2.0 * k.gates * max(j.N, <Py_ssize_t>ROWS) * j.H * (2 if real else 1) / FLOPS_A_NS
    enough = min(step * j.H / (k.products * NS_A_MEETING), (j.H + 15) // 16)
    j.parts = 1
    if enough >= 2:
        j.parts = min(<int64_t>enough, members_for(step * j.T * (j.D + j.H)))


cdef bint fit(const cell *k, int real, xs, Wx, Wh, b, h0, c0) noexcept:
    cdef int64_t H
    if not (is_real(Wx, 2, real) and is_real(Wh, 2, real) and is_real(b, 1, real)):
        return False
    H = axis(Wh, 0)
    return (
        axis(Wx, 0) == axis(xs, cnp.PyArray_NDIM(<cnp.ndarray>xs) - 1)
        and axis(Wx, 1) == axis(Wh, 1) == axis(b, 0) == k.gates * H
        and state_fits(h0, xs, H, real) and state_fits(c0, xs, H, real)
    )


cdef bint state_fits(state, xs, int64_t H, int real) noexcept:
    if state is None:
        return True
    return is_real(state, 2, real) and axis(state, 0) == axis(xs, 0) and axis(state, 1) == H


cdef bint outputs_fit(int real, dWx, dWh, db, Cache kept, dhs, dc) noexcept:
    if not (
        is_real(dWx, 2, real) and is_real(dWh, 2, real) and is_real(db, 1, real)
        and same_shape(dWx, kept.Wx, 2) and same_shape(dWh, kept.Wh, 2)
        and axis(db, 0) == axis(kept.Wx, 1)
        and apart(dWx, dWh) and apart(dWx, db) and apart(dWh, db)
    ):
        return False
    for array in (dWx, dWh, db):
        if not writable(array):
            return False
        for other in (kept.xs, kept.Wx, kept.Wh, dhs, dc):
            if other is not None and not apart(array, other):
                return False
    return True


# ---- arguments that do not fit as they are


def _made_fit(kind, single, xs, Wx, Wh, b, h0, c0):
    cdef int gates = chosen.of[0].cells[kind].gates
    name, states = ("x", ("h_prev", "c_prev")) if single else ("xs", ("h0", "c0"))
    xs = _check.floats(name, xs, ndim=2 if single else 3)
    Wx, Wh = _check.floats("Wx", Wx, 2), _check.floats("Wh", Wh, 2)
    dtype = Wx.dtype if Wx.dtype == Wh.dtype else xs.dtype  # that of the others, whoever is wrong
    for other, array in ((name, xs), ("Wx", Wx), ("Wh", Wh)):
        _check.floats(other, array, dtype=dtype)
    b = _check.floats("b", b, 1, dtype)
    D, H = xs.shape[xs.ndim - 1], Wh.shape[0]
    times = f"{gates}H" if gates > 1 else "H"
    if H == gates * Wh.shape[1] and gates > 1:
        raise ValueError(f"Wh must have shape (H, {times}), got {Wh.shape}: its transpose has")
    _check.shape("Wh", Wh, (H, gates * H), f"(H, {times})")
    _check.shape("Wx", Wx, (Wx.shape[0], gates * H), f"(D, {times} of Wh)")
    _check.shape(name, xs, (*xs.shape[: xs.ndim - 1], Wx.shape[0]), "(…, rows of Wx)")
    _check.shape("b", b, (gates * H,), f"({times} of Wh,)")
    h0 = _state(states[0], h0, dtype, (xs.shape[0], H))
    c0 = _state(states[1], c0, dtype, (xs.shape[0], H)) if kind == LSTM else None
    return *map(_plain, (xs, Wx, Wh, b)), h0, c0


def _state(name, state, dtype, shape):
    """An initial state, or None where it may be missing."""
    if state is None and name in ("h0", "c0"):
        return None
    state = _check.floats(name, state, 2, dtype)
    _check.shape(name, state, shape, "(N, H)")
    return _plain(state)


def _check_cache(cache, kind):
    if type(cache) is not Cache:
        raise TypeError(f"cache must come from {kind}, got {type(cache).__name__}")
    if (<Cache>cache).kind != kind:
        raise TypeError(f"cache must come from {kind}, got one from {cache.kind}")


cdef _gradient(name, gradient, Cache cache):
    xs = cache.xs
    cdef int ndim = cnp.PyArray_NDIM(<cnp.ndarray>xs)
    if (
        is_real(gradient, ndim, real_with(xs, ndim)) and same_shape(gradient, xs, ndim - 1)
        and axis(gradient, ndim - 1) == axis(cache.Wh, 0)
    ):
        return gradient
    gradient = _check.floats(name, gradient, ndim, xs.dtype)
    _check.shape(name, gradient, xs.shape[: ndim - 1] + (cache.Wh.shape[0],))
    return _plain(gradient)


def _check_outputs(dWx, dWh, db, Cache kept, dhs, dc):
    others = {"xs": kept.xs, "Wx": kept.Wx, "Wh": kept.Wh, "dhs": dhs}
    if dc is not None:
        others["dc"] = dc
    shapes = (kept.Wx.shape, kept.Wh.shape, kept.Wx.shape[1:])
    for k, (array, shape) in enumerate(zip((dWx, dWh, db), shapes)):
        others[f"out[{k}]"] = _check.output(f"out[{k}]", array, shape, kept.xs.dtype, others)


cdef _plain(array):
    return array if is_plain(array) else _check.plain(array)
