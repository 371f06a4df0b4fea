"""Negative samples in plain NumPy, one sample after the other."""

import numpy as np


def negative_samples(p, targets, size):
    out = np.empty((len(targets), size), np.int32)
    for row, target in zip(out, targets, strict=True):
        weights = p.copy()
        weights[target] = 0
        row[:] = np.random.choice(len(p), size, replace=False, p=weights / weights.sum())
    return out
