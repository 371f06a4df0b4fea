"""Matrix products, shared over our threads with BLAS at one thread."""

import numpy as np

from fastembed import _check, threads

# OpenBLAS runs products of fewer multiply-adds than this on one thread by itself
SMALL = 1 << 18
# a slice has at least this many multiply-adds; fewer cost less than another thread's start
GRAIN = 1 << 22
# the same for entries of a matrix that is read or written once
PASS = 1 << 17


def matmul(a, b, *, out=None):
    """Multiply two matrices: ``out = a @ b``.

    Transposed views are used as they lie in memory, without a copy.

    Parameters
    ----------
    a : (M, K) ndarray of float32 or float64
    b : (K, N) ndarray of a's dtype
    out : (M, N) ndarray of a's dtype, optional
        Result to fill. Must not overlap a or b.

    Returns
    -------
    (M, N) ndarray
        ``out``, or a new array.

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    a = _check.floats("a", a, ndim=2)
    b = _check.floats("b", b, ndim=2, dtype=a.dtype)
    M, K = a.shape
    _check.shape("b", b, (K, b.shape[1]), "(columns of a, any)")
    if out is None:
        out = np.empty((M, b.shape[1]), a.dtype)
    else:
        _check.output("out", out, (M, b.shape[1]), a.dtype, {"a": a, "b": b})
    return product(a, b, out)


def affine(x, W, b):
    """Multiply and add a bias to every row: ``x @ W + b``.

    Parameters
    ----------
    x : (N, D) ndarray of float32 or float64
    W : (D, H) ndarray of x's dtype
    b : (H,) ndarray of x's dtype

    Returns
    -------
    (N, H) ndarray of x's dtype

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    x = _check.floats("x", x, ndim=2)
    W = _check.floats("W", W, ndim=2, dtype=x.dtype)
    b = _check.floats("b", b, ndim=1, dtype=x.dtype)
    _check.shape("W", W, (x.shape[1], W.shape[1]), "(columns of x, any)")
    _check.shape("b", b, W.shape[1:], "(columns of W,)")
    out = product(x, W, np.empty((x.shape[0], W.shape[1]), x.dtype))

    def run(lo, hi):
        out[:, lo:hi] += b[lo:hi]

    _share_columns(out, run)
    return out


def affine_backward(dout, x, W, *, out=None):
    """Gradients of affine.

    Parameters
    ----------
    dout : (N, H) ndarray of float32 or float64
        Gradient of affine's result.
    x : (N, D) ndarray of dout's dtype
    W : (D, H) ndarray of dout's dtype
    out : (dW, db), optional
        Arrays to overwrite, (D, H) and (H,) of dout's dtype. Must not overlap the inputs.

    Returns
    -------
    dx : (N, D) ndarray
    dW : (D, H) ndarray
    db : (H,) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    dout = _check.floats("dout", dout, ndim=2)
    x = _check.floats("x", x, ndim=2, dtype=dout.dtype)
    W = _check.floats("W", W, ndim=2, dtype=dout.dtype)
    N, H = dout.shape
    D = x.shape[1]
    _check.shape("x", x, (N, D), "(rows of dout, any)")
    _check.shape("W", W, (D, H), "(columns of x, columns of dout)")
    if out is None:
        dW, db = np.empty((D, H), dout.dtype), np.empty(H, dout.dtype)
    else:
        inputs = {"dout": dout, "x": x, "W": W}
        dW = _check.output("out[0]", out[0], (D, H), dout.dtype, inputs)
        db = _check.output("out[1]", out[1], (H,), dout.dtype, {**inputs, "out[0]": dW})
    dx = product(dout, W.T, np.empty((N, D), dout.dtype))
    product(x.T, dout, dW)
    _share_columns(dout, lambda lo, hi: np.sum(dout[:, lo:hi], axis=0, out=db[lo:hi]))
    return dx, dW, db


def product(a, b, out):
    """out = a @ b for checked arrays; each thread makes some rows or some columns of out."""
    M, K = a.shape
    N = b.shape[1]
    if M * K * N == 0:
        out[...] = 0  # sums over nothing
        return out
    if not (blas_layout(out) or blas_layout(out.T)):
        out[...] = product(a, b, np.empty((M, N), out.dtype))
        return out
    a, b = blas_ready(a), blas_ready(b)
    if M * K * N < SMALL:
        return np.matmul(a, b, out=out)
    with threads.one_blas_thread():
        if M >= N:
            threads.share(
                M,
                lambda lo, hi: np.matmul(a[lo:hi], b, out=out[lo:hi]),
                grain=GRAIN // (K * N) + 1,
                align=16,
            )
        else:
            threads.share(
                N,
                lambda lo, hi: np.matmul(a, b[:, lo:hi], out=out[:, lo:hi]),
                grain=GRAIN // (K * M) + 1,
                align=16,
            )
    return out


def _share_columns(matrix, run):
    """Run(lo, hi) on columns, for one pass over the matrix."""
    threads.share(matrix.shape[1], run, grain=PASS // max(1, matrix.shape[0]) + 1, align=16)


def blas_ready(a):
    """An array as BLAS can read it, copied if need be; NumPy's own loop would be slow."""
    return a if blas_layout(a) or blas_layout(a.T) else np.ascontiguousarray(a)


def blas_layout(a):
    """Whether the rows of the last two axes are contiguous, forward and apart in memory."""
    return a.strides[-1] == a.itemsize and a.strides[-2] >= a.shape[-1] * a.itemsize
