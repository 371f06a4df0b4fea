"""Dot-product attention over an encoder's states, all decoder steps at once."""

import numpy as np

from fastembed import _check, threads
from fastembed.kernels import loss as kernels
from fastembed.ops.dense import SMALL, blas_layout

# a slice of the batch has at least this many multiply-adds
GRAIN = 1 << 18


def time_attention(hs_enc, hs_dec):
    """Weigh the encoder's states by their products with each decoder state, and sum them.

    ``weights[n, t] = softmax(hs_enc[n] @ hs_dec[n, t])``, ``out[n, t] = weights[n, t] @ hs_enc[n]``

    Parameters
    ----------
    hs_enc : (N, T_enc, H) ndarray of float32 or float64
    hs_dec : (N, T_dec, H) ndarray of hs_enc's dtype

    Returns
    -------
    out : (N, T_dec, H) ndarray
    weights : (N, T_dec, T_enc) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs_enc, hs_dec = _states(hs_enc, hs_dec)
    N, T_dec, _ = hs_dec.shape
    T_enc = hs_enc.shape[1]
    weights = np.empty((N, T_dec, T_enc), hs_enc.dtype)
    out = np.empty(hs_dec.shape, hs_enc.dtype)

    def run(lo, hi):
        a, enc = weights[lo:hi], hs_enc[lo:hi]
        np.matmul(hs_dec[lo:hi], enc.transpose(0, 2, 1), out=a)
        _softmax_in_place(a)
        np.matmul(a, enc, out=out[lo:hi])

    _share_batch(N, hs_dec.size * T_enc, run)
    return out, weights


def time_attention_backward(dout, hs_enc, hs_dec, weights):
    """Gradients of time_attention.

    Parameters
    ----------
    dout : (N, T_dec, H) ndarray of float32 or float64
        Gradient of out.
    hs_enc : (N, T_enc, H) ndarray of dout's dtype
    hs_dec : (N, T_dec, H) ndarray of dout's dtype
    weights : (N, T_dec, T_enc) ndarray of dout's dtype
        What time_attention gave.

    Returns
    -------
    dhs_enc : (N, T_enc, H) ndarray
    dhs_dec : (N, T_dec, H) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs_enc, hs_dec = _states(hs_enc, hs_dec)
    N, T_dec, _ = hs_dec.shape
    T_enc = hs_enc.shape[1]
    dout = _batch("dout", dout, hs_dec.shape, hs_enc.dtype)
    weights = _batch("weights", weights, (N, T_dec, T_enc), hs_enc.dtype)
    dhs_enc = np.empty(hs_enc.shape, hs_enc.dtype)
    dhs_dec = np.empty(hs_dec.shape, hs_enc.dtype)

    def run(lo, hi):
        a, enc, dec, do = weights[lo:hi], hs_enc[lo:hi], hs_dec[lo:hi], dout[lo:hi]
        ds = np.matmul(do, enc.transpose(0, 2, 1))
        _softmax_backward_in_place(ds, a)
        np.matmul(ds, enc, out=dhs_dec[lo:hi])
        np.matmul(a.transpose(0, 2, 1), do, out=dhs_enc[lo:hi])
        dhs_enc[lo:hi] += np.matmul(ds.transpose(0, 2, 1), dec)

    _share_batch(N, hs_dec.size * T_enc, run)
    return dhs_enc, dhs_dec


def attention_weight(hs, h):
    """How well each state fits h: ``a[n] = softmax(hs[n] @ h[n])``.

    Parameters
    ----------
    hs : (N, T, H) ndarray of float32 or float64
    h : (N, H) ndarray of hs' dtype

    Returns
    -------
    (N, T) ndarray of hs' dtype

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs = _check.floats("hs", hs, ndim=3)
    N, T, H = hs.shape
    hs, h = _blas_ready(hs), _batch("h", h, (N, H), hs.dtype)
    a = np.empty((N, T), hs.dtype)

    def run(lo, hi):
        np.matmul(hs[lo:hi], h[lo:hi, :, np.newaxis], out=a[lo:hi, :, np.newaxis])
        _softmax_in_place(a[lo:hi])

    _share_batch(N, hs.size, run)
    return a


def attention_weight_backward(da, hs, h, a):
    """Gradients of attention_weight.

    Parameters
    ----------
    da : (N, T) ndarray of float32 or float64
        Gradient of a.
    hs : (N, T, H) ndarray of da's dtype
    h : (N, H) ndarray of da's dtype
    a : (N, T) ndarray of da's dtype
        What attention_weight gave.

    Returns
    -------
    dhs : (N, T, H) ndarray
    dh : (N, H) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs = _check.floats("hs", hs, ndim=3)
    N, T, H = hs.shape
    hs, h = _blas_ready(hs), _batch("h", h, (N, H), hs.dtype)
    a, da = _batch("a", a, (N, T), hs.dtype), _batch("da", da, (N, T), hs.dtype)
    dhs, dh = np.empty((N, T, H), hs.dtype), np.empty((N, H), hs.dtype)

    def run(lo, hi):
        ds = da[lo:hi].copy()
        _softmax_backward_in_place(ds, a[lo:hi])
        np.multiply(ds[:, :, np.newaxis], h[lo:hi, np.newaxis, :], out=dhs[lo:hi])
        np.matmul(ds[:, np.newaxis, :], hs[lo:hi], out=dh[lo:hi, np.newaxis, :])

    _share_batch(N, hs.size, run)
    return dhs, dh


def weight_sum(hs, a):
    """Weighted sum of states: ``c[n] = a[n] @ hs[n]``.

    Parameters
    ----------
    hs : (N, T, H) ndarray of float32 or float64
    a : (N, T) ndarray of hs' dtype

    Returns
    -------
    (N, H) ndarray of hs' dtype

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs = _check.floats("hs", hs, ndim=3)
    N, T, H = hs.shape
    hs, a = _blas_ready(hs), _batch("a", a, (N, T), hs.dtype)
    c = np.empty((N, H), hs.dtype)

    def run(lo, hi):
        np.matmul(a[lo:hi, np.newaxis, :], hs[lo:hi], out=c[lo:hi, np.newaxis, :])

    _share_batch(N, hs.size, run)
    return c


def weight_sum_backward(dc, hs, a):
    """Gradients of weight_sum.

    Parameters
    ----------
    dc : (N, H) ndarray of float32 or float64
        Gradient of c.
    hs : (N, T, H) ndarray of dc's dtype
    a : (N, T) ndarray of dc's dtype

    Returns
    -------
    dhs : (N, T, H) ndarray
    da : (N, T) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs = _check.floats("hs", hs, ndim=3)
    N, T, H = hs.shape
    hs, a = _blas_ready(hs), _batch("a", a, (N, T), hs.dtype)
    dc = _batch("dc", dc, (N, H), hs.dtype)
    dhs, da = np.empty((N, T, H), hs.dtype), np.empty((N, T), hs.dtype)

    def run(lo, hi):
        np.multiply(a[lo:hi, :, np.newaxis], dc[lo:hi, np.newaxis, :], out=dhs[lo:hi])
        np.matmul(hs[lo:hi], dc[lo:hi, :, np.newaxis], out=da[lo:hi, :, np.newaxis])

    _share_batch(N, hs.size, run)
    return dhs, da


def _states(hs_enc, hs_dec):
    hs_enc = _check.floats("hs_enc", hs_enc, ndim=3)
    hs_dec = _check.floats("hs_dec", hs_dec, ndim=3, dtype=hs_enc.dtype)
    N, T_enc, H = hs_enc.shape
    _check.shape("hs_dec", hs_dec, (N, hs_dec.shape[1], H), "(batch and width of hs_enc)")
    return _blas_ready(hs_enc), _blas_ready(hs_dec)


def _batch(name, array, expected, dtype):
    array = _check.floats(name, array, ndim=len(expected), dtype=dtype)
    _check.shape(name, array, expected)
    return _blas_ready(array)


def _blas_ready(array):
    """An array as BLAS can read it, copied if need be; NumPy's own loop would be slow."""
    return array if blas_layout(array) else np.ascontiguousarray(array)


def _softmax_in_place(a):
    if a.size == 0:
        return
    rows = a.reshape(-1, a.shape[-1])
    kernels.softmax(_check.readonly(rows), rows, 0, rows.shape[0])


def _softmax_backward_in_place(ds, a):
    if a.size == 0:
        return
    a = np.ascontiguousarray(a).reshape(-1, a.shape[-1])
    rows = ds.reshape(a.shape)
    kernels.softmax_backward(_check.readonly(rows), _check.readonly(a), rows, 0, rows.shape[0])


def _share_batch(N, work, run):
    """Call run on slices of the batch, each product on one BLAS thread."""
    if N == 0 or work // N < SMALL:  # each product alone: BLAS keeps to one thread by itself
        threads.share(N, run, grain=GRAIN * N // max(1, work) + 1)
        return
    with threads.one_blas_thread():
        threads.share(N, run, grain=GRAIN * N // work + 1)
