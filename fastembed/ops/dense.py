"""Matrix products, shared over our threads with BLAS at one thread."""

import numpy as np

from fastembed import _check, threads

# products of fewer multiply-adds run on one BLAS thread anyway, and are not worth sharing
SMALL = 1 << 18


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
    out += b
    return out


def product(a, b, out):
    """out = a @ b for checked arrays; each thread makes some rows or some columns of out."""
    M, K = a.shape
    N = b.shape[1]
    if M * K * N < SMALL:
        return np.matmul(a, b, out=out)
    a, b = _blas_ready(a), _blas_ready(b)
    with threads.one_blas_thread():
        if M >= N:
            threads.share(
                M,
                lambda lo, hi: np.matmul(a[lo:hi], b, out=out[lo:hi]),
                grain=SMALL // (K * N) + 1,
                align=16,
            )
        else:
            threads.share(
                N,
                lambda lo, hi: np.matmul(a, b[:, lo:hi], out=out[:, lo:hi]),
                grain=SMALL // (K * M) + 1,
                align=16,
            )
    return out


def _blas_ready(a):
    """An array with one axis contiguous, as BLAS needs it; NumPy's own loop would be slow."""
    if a.strides[0] == a.itemsize or a.strides[1] == a.itemsize:
        return a
    return np.ascontiguousarray(a)
