"""Softmax, and the losses on softmax and sigmoid with their gradients."""

import numpy as np

from fastembed import _check, threads
from fastembed.kernels import loss as kernels

# a slice has at least this many scores; fewer cost less than handing them to another thread
GRAIN = 1 << 15


def softmax(x):
    """Softmax over the last axis.

    Parameters
    ----------
    x : ndarray of float32 or float64, shape (..., V)

    Returns
    -------
    ndarray of x's dtype and shape

    Raises
    ------
    TypeError, ValueError
        If the dtype or the shape does not fit.
    """
    x = _check.floats("x", x)
    x, V = _rows("x", x)
    y = np.empty(x.shape, x.dtype)
    rows, out = _check.readonly(x.reshape(-1, V)), y.reshape(-1, V)
    _share(rows, lambda lo, hi: kernels.softmax(rows, out, lo, hi))
    return y


def softmax_backward(dout, y):
    """Gradient of softmax: ``y * (dout - sum(dout * y))`` over the last axis.

    Parameters
    ----------
    dout : ndarray of float32 or float64, shape (..., V)
        Gradient of y.
    y : ndarray of dout's dtype and shape
        What softmax gave.

    Returns
    -------
    ndarray of dout's dtype and shape

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    y = _check.floats("y", y)
    dout = _check.floats("dout", dout, dtype=y.dtype)
    _check.shape("dout", dout, y.shape, "like y")
    y, V = _rows("y", y)
    dx = np.empty(y.shape, y.dtype)
    given = _check.readonly(np.ascontiguousarray(dout).reshape(-1, V))
    rows, out = _check.readonly(y.reshape(-1, V)), dx.reshape(-1, V)
    _share(rows, lambda lo, hi: kernels.softmax_backward(given, rows, out, lo, hi))
    return dx


def softmax_cross_entropy(scores, labels, *, ignore_label=-1, eps=0.0):
    """Mean cross-entropy of softmax(scores), and its gradient.

    ``loss = mean(-log(softmax(scores)[label] + eps))`` over the labels that count.

    Parameters
    ----------
    scores : ndarray of float32 or float64, shape (..., V)
    labels : array_like of integers, shape (...)
        Classes in [-V, V); negative ones other than ignore_label count from the end.
    ignore_label : int or None
        Rows with this label give no loss and no gradient. None: every label counts.
    eps : float
        Added to the probability before the logarithm; the gradient is that of eps = 0.

    Returns
    -------
    loss : numpy.float64
        NaN if no label counts.
    dscores : ndarray of scores' dtype and shape
        Gradient of loss.

    Raises
    ------
    IndexError
        If a label is outside [-V, V).
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    scores = _check.floats("scores", scores)
    scores, V = _rows("scores", scores)
    flat, count = class_labels(labels, scores.shape[:-1], V, ignore_label)
    dscores = np.empty(scores.shape, scores.dtype)
    losses = np.empty(flat.size)
    rows, out = _check.readonly(scores.reshape(-1, V)), dscores.reshape(-1, V)
    scale = 1 / count if count else 0.0
    _share(
        rows,
        lambda lo, hi: kernels.softmax_cross_entropy(rows, flat, scale, eps, losses, out, lo, hi),
    )
    return mean(losses, count), dscores


def sigmoid_cross_entropy(scores, labels, *, eps=0.0):
    """Mean binary cross-entropy of sigmoid(scores), and its gradient.

    ``loss = mean(-log(p + eps))`` with p = sigmoid(score) where the label is 1, else 1 minus that.

    Parameters
    ----------
    scores : ndarray of float32 or float64, any shape
    labels : array_like of integers or booleans, shape of scores
        0 or 1.
    eps : float
        Added to the probability before the logarithm; the gradient is that of eps = 0.

    Returns
    -------
    loss : numpy.float64
    dscores : ndarray of scores' dtype and shape
        Gradient of loss.

    Raises
    ------
    IndexError
        If a label is neither 0 nor 1.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    scores = _check.floats("scores", scores)
    labels = binary_labels(labels, scores.shape)
    dscores = np.empty(scores.shape, scores.dtype)
    losses = np.empty(scores.size)
    flat, out = _check.readonly(np.ascontiguousarray(scores).reshape(-1)), dscores.reshape(-1)
    scale = 1 / scores.size if scores.size else 0.0
    threads.share(
        scores.size,
        lambda lo, hi: kernels.sigmoid_cross_entropy(flat, labels, scale, eps, losses, out, lo, hi),
        grain=GRAIN,
    )
    return mean(losses, scores.size), dscores


def class_labels(labels, expected, V, ignore_label):
    """Return labels flat as int64, -1 where ignored, and how many count."""
    labels = _check.integers("labels", labels)
    _check.shape("labels", labels, expected, "(scores without the last axis)")
    ignored = None
    if ignore_label is not None:
        ignored = labels.reshape(-1) == ignore_label
        if not ignored.any():
            ignored = None
        elif not -V <= ignore_label < V:
            labels = np.where(labels == ignore_label, 0, labels)  # passes the check of the rest
    flat = _check.indices("labels", labels, V, "scores", "classes")
    if ignored is None:
        return _check.readonly(flat), flat.size
    flat = np.where(ignored, -1, flat)
    return _check.readonly(flat), flat.size - int(np.count_nonzero(ignored))


def binary_labels(labels, expected):
    """Return labels flat as uint8; refuse others than 0 and 1."""
    labels = np.asarray(labels)
    if labels.dtype != bool:
        labels = _check.integers("labels", labels)
    _check.shape("labels", labels, expected, "like scores")
    flat = labels.reshape(-1)
    wrong = (flat != 0) & (flat != 1)
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        where = ", ".join(str(k) for k in np.unravel_index(position, labels.shape))
        raise IndexError(f"labels[{where}] = {flat[position]} is neither 0 nor 1")
    return _check.readonly(np.ascontiguousarray(flat, np.uint8))


def _rows(name, x):
    """Return x contiguous and the length of its last axis, which must not be empty."""
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., V) with V >= 1, got {x.shape}")
    return np.ascontiguousarray(x), x.shape[-1]


def _share(rows, run):
    threads.share(rows.shape[0], run, grain=GRAIN // rows.shape[1] + 1)


def mean(losses, count):
    """Sum in one fixed order, so that the threads make no difference; NaN of nothing."""
    return np.sum(losses) / count if count else np.float64("nan")
