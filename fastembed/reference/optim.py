"""Optimizer steps in plain NumPy."""

import numpy as np


def sgd(param, grad, lr):
    param -= lr * grad
    return param


def momentum(param, grad, v, lr, rate):
    v *= rate
    v -= lr * grad
    param += v
    return param


def nesterov(param, grad, v, lr, rate):
    v *= rate
    v -= lr * grad
    param += rate * rate * v
    param -= (1 + rate) * lr * grad
    return param


def adagrad(param, grad, h, lr):
    h += grad * grad
    param -= lr * grad / (np.sqrt(h) + 1e-7)
    return param


def rmsprop(param, grad, h, lr, decay_rate):
    h *= decay_rate
    h += (1 - decay_rate) * grad * grad
    param -= lr * grad / (np.sqrt(h) + 1e-7)
    return param


def adam(param, grad, m, v, lr_t, beta1, beta2):
    m += (1 - beta1) * (grad - m)
    v += (1 - beta2) * (grad**2 - v)
    param -= lr_t * m / (np.sqrt(v) + 1e-7)
    return param


def global_norm(arrays):
    return float(np.sqrt(sum(np.sum(np.square(array, dtype=np.float64)) for array in arrays)))


def scale(arrays, rate):
    for array in arrays:
        array *= rate
