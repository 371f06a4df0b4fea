"""Affine, softmax, loss and all gradients, a block of rows at a time."""

import numpy as np

from fastembed import _check, threads
from fastembed.kernels import dense
from fastembed.kernels import loss as kernels
from fastembed.ops._workspace import Workspace
from fastembed.ops.dense import GRAIN, PASS, blas_layout, blas_ready, product
from fastembed.ops.loss import GRAIN as GRAIN_SCORES
from fastembed.ops.loss import class_labels, mean

threads.blas_changed()  # SciPy's

# a block has about this many scores: large enough for fast products, small enough for a cache
BLOCK = 1 << 22


def linear_cross_entropy(x, W, b, labels, *, ignore_label=-1, out=None):
    """Mean cross-entropy of ``softmax(x @ W + b)``, and its gradients.

    The scores of a block of rows exist at a time, never all of them (E. Wijmans et al., Cut Your
    Losses in Large-Vocabulary Language Models, 2024).

    Parameters
    ----------
    x : ndarray of float32 or float64, shape (..., D)
    W : (D, V) ndarray of x's dtype
    b : (V,) ndarray of x's dtype
    labels : array_like of integers, shape (...)
        Classes in [-V, V); negative ones other than ignore_label count from the end.
    ignore_label : int or None
        Rows with this label give no loss and no gradient. None: every label counts.
    out : (dW, db), optional
        Arrays to overwrite, (D, V) and (V,) of x's dtype. Must not overlap the inputs.

    Returns
    -------
    loss : numpy.float64
        NaN if no label counts.
    dx : ndarray of x's dtype and shape
    dW : (D, V) ndarray
    db : (V,) ndarray

    Raises
    ------
    IndexError
        If a label is outside [-V, V); nothing has been written then.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    x = _check.floats("x", x)
    W = _check.floats("W", W, ndim=2, dtype=x.dtype)
    b = _check.floats("b", b, ndim=1, dtype=x.dtype)
    D, V = W.shape
    if V == 0:
        raise ValueError(f"W must have shape (D, V) with V >= 1, got {W.shape}")
    _check.shape("x", x, (*x.shape[:-1], D), "(any, rows of W)")
    _check.shape("b", b, (V,), "(columns of W,)")
    flat, count = class_labels(labels, x.shape[:-1], V, ignore_label)
    if out is None:
        dW, db = np.empty((D, V), x.dtype), np.empty(V, x.dtype)
    else:
        inputs = {"x": x, "W": W, "b": b}
        dW = _check.output("out[0]", out[0], (D, V), x.dtype, inputs)
        db = _check.output("out[1]", out[1], (V,), x.dtype, {**inputs, "out[0]": dW})
    dx, losses = np.empty(x.shape, x.dtype), np.empty(flat.size)
    rows, drows = blas_ready(x.reshape(flat.size, D)), dx.reshape(flat.size, D)
    W = blas_ready(W)
    place = dW if blas_layout(dW) or blas_layout(dW.T) else np.empty((D, V), x.dtype)
    if flat.size == 0:
        place[...] = 0
    db[...] = 0

    height = _block_height(flat.size, V)
    nbytes = height * V * x.itemsize
    space = Workspace(nbytes)
    scores = space.buffer[:nbytes].view(x.dtype).reshape(height, V)
    scale = 1 / count if count else 0.0
    with threads.one_blas_thread():
        for lo in range(0, flat.size, height):
            hi = min(lo + height, flat.size)
            block = scores[: hi - lo]
            _add_product(rows[lo:hi], W, block, bias=b)
            _loss(block, flat[lo:hi], scale, losses[lo:hi])
            product(block, W.T, drows[lo:hi])
            (_add_product if lo else product)(rows[lo:hi].T, block, place)
            _add_rows(block, db)
    if place is not dW:
        dW[...] = place
    return mean(losses, count), dx, dW, db


def _block_height(N, V):
    """Rows of a block: all blocks about the same, at least 64 where there are so many."""
    blocks = -(-N // max(64, BLOCK // V))
    return -(-N // max(1, blocks)) or 1


def _loss(scores, labels, scale, losses):
    """Losses from scores, which become their gradients."""
    given = _check.readonly(scores)
    threads.share(
        scores.shape[0],
        lambda lo, hi: kernels.softmax_cross_entropy(
            given, labels, scale, 0.0, losses, scores, lo, hi
        ),
        grain=GRAIN_SCORES // scores.shape[1] + 1,
    )


def _add_product(a, b, out, bias=None):
    """out += a @ b, or bias + a @ b; each thread makes some rows or some columns."""
    if not blas_layout(out):
        a, b, out = b.T, a.T, out.T
    (M, K), N = a.shape, b.shape[1]

    def rows(lo, hi):
        if bias is not None:
            out[lo:hi] = bias
        dense.gemm(a[lo:hi], b, 1.0, out[lo:hi])

    def columns(lo, hi):
        if bias is not None:
            out[:, lo:hi] = bias[lo:hi]
        dense.gemm(a, b[:, lo:hi], 1.0, out[:, lo:hi])

    n, run = (M, rows) if M >= N else (N, columns)
    threads.share(n, run, grain=GRAIN * n // max(1, M * K * N) + 1, align=16)


def _add_rows(matrix, total):
    def run(lo, hi):
        total[lo:hi] += matrix[:, lo:hi].sum(axis=0)

    threads.share(matrix.shape[1], run, grain=PASS // max(1, matrix.shape[0]) + 1, align=16)
