"""Affine, softmax, loss and all gradients in plain NumPy."""

from fastembed.reference.dense import affine, affine_backward
from fastembed.reference.loss import softmax_cross_entropy


def linear_cross_entropy(x, W, b, labels, *, ignore_label=-1, out=None):
    rows = x.reshape(-1, W.shape[0])
    scores = affine(rows, W, b).reshape(*x.shape[:-1], W.shape[1])
    loss, dscores = softmax_cross_entropy(scores, labels, ignore_label=ignore_label)
    dx, dW, db = affine_backward(dscores.reshape(-1, W.shape[1]), rows, W, out=out)
    return loss, dx.reshape(x.shape), dW, db
