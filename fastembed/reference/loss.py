"""Softmax and the losses in plain NumPy."""

import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def softmax_backward(dout, y):
    dx = y * dout
    return dx - y * dx.sum(axis=-1, keepdims=True)


def softmax_cross_entropy(scores, labels, *, ignore_label=-1, eps=0.0):
    V = scores.shape[-1]
    flat = np.asarray(labels).reshape(-1)
    counts = np.ones(flat.shape, bool) if ignore_label is None else flat != ignore_label
    rows = np.arange(flat.size)
    flat = np.where(counts, flat, 0)
    y = softmax(scores.reshape(-1, V))
    with np.errstate(invalid="ignore", divide="ignore"):
        loss = -np.sum(np.log(y[rows, flat] + eps) * counts) / np.int64(counts.sum())
        dscores = y
        dscores[rows, flat] -= 1
        dscores *= counts[:, np.newaxis]
        dscores /= max(1, counts.sum())
    return np.float64(loss), dscores.reshape(scores.shape)


def sigmoid_cross_entropy(scores, labels, *, eps=0.0):
    y = 1 / (1 + np.exp(-scores))
    p = np.where(np.asarray(labels) == 1, y, 1 - y)
    loss = -np.sum(np.log(p + eps)) / np.int64(p.size)
    return np.float64(loss), ((y - labels) / p.size).astype(scores.dtype)
