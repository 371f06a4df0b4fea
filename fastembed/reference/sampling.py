"""Negative sampling in plain NumPy."""

import numpy as np

from fastembed.reference.loss import sigmoid_cross_entropy


def draw_negatives(cdf, targets, size, *, uniforms=None):
    weights = np.diff(cdf, prepend=0.0)
    if uniforms is None:
        uniforms = np.random.random_sample((len(targets), size))
    out = np.empty((len(targets), size), np.intp)
    for n, target in enumerate(targets):
        left = weights.copy()
        left[target] = 0
        for s in range(size):
            bounds = np.cumsum(left)
            out[n, s] = np.searchsorted(bounds, uniforms[n, s] * bounds[-1], side="right")
            left[out[n, s]] = 0
    return out


def negative_sampling_loss(h, W, targets, labels, *, eps=1e-7):
    scores = np.sum(W[targets] * h[:, np.newaxis, :], axis=2)
    labels = np.broadcast_to(labels, scores.shape)
    loss, dscores = sigmoid_cross_entropy(scores, labels, eps=eps)
    K = scores.shape[1]
    return loss * K, dscores * K


def negative_sampling_backward(dscores, h, W, targets, dW):
    dW[...] = 0
    np.add.at(dW, targets, dscores[:, :, np.newaxis] * h[:, np.newaxis, :])
    return np.sum(dscores[:, :, np.newaxis] * W[targets], axis=1)
