"""The designs that are compared: each a layer from ids (N, T) to vectors (N, T, D)."""

import numpy as np

from fastembed.reference.layers import TimeEmbedding as PerStep  # A: T objects, one W
from fastembed.time_layers import TimeEmbedding as Shared  # B: one layer, one W

__all__ = ["OnePass", "PerStep", "Positions", "Separate", "Shared"]


class OnePass:
    """B in plain NumPy: one lookup, one scatter-add."""

    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, xs):
        self.xs = xs
        return self.params[0][xs]

    def backward(self, dout):
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.xs, dout)


class Separate:
    """C: a table of its own for each of T time steps, all beginning as copies of W (V, D).

    They lie one after the other: word v at step t is row t V + v of one table.
    """

    def __init__(self, W, T):
        self.V, self.T = W.shape[0], T
        self.one = Shared(np.tile(W, (T, 1)))
        self.params, self.grads = self.one.params, self.one.grads

    def forward(self, xs):
        if xs.shape[1] > self.T:
            raise IndexError(f"xs has {xs.shape[1]} time steps, and there are {self.T} tables")
        return self.one.forward(xs + self.V * np.arange(xs.shape[1]))

    def backward(self, dout):
        self.one.backward(dout)


class Positions:
    """One table, and a vector for each time step that is added to the word's."""

    def __init__(self, W, T):
        self.one, self.P = Shared(W), np.zeros((T, W.shape[1]), W.dtype)
        self.params = [W, self.P]
        self.grads = [self.one.grads[0], np.zeros_like(self.P)]

    def forward(self, xs):
        return self.one.forward(xs) + self.P[: xs.shape[1]]

    def backward(self, dout):
        self.one.backward(dout)
        self.grads[1][...] = 0
        self.grads[1][: dout.shape[1]] = dout.sum(axis=0)
