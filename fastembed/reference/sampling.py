"""The loss of negative sampling in plain NumPy."""

import numpy as np

from fastembed.reference.loss import sigmoid_cross_entropy


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
