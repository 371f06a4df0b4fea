"""RNN, LSTM and GRU in plain NumPy: one of the layers' cells for each step of a Python loop."""

from functools import partial

import numpy as np

from fastembed.reference import layers


class _Bare:
    """A cell that hands on its gradients and fills no arrays."""

    def __init__(self, *params):
        self.params = params

    def _fill(self, *grads):
        self.grads = grads


class RNN(_Bare, layers.RNN):
    states = 1


class LSTM(_Bare, layers.LSTM):
    states = 2


class GRU(_Bare, layers.GRU):
    states = 1


def _step(cell, x, *state):
    """The new state, and the cell."""
    state = cell.forward(x, *state)
    return (*state, cell) if isinstance(state, tuple) else (state, cell)


def rnn_cell(x, h_prev, Wx, Wh, b):
    return _step(RNN(Wx, Wh, b), x, h_prev)


def gru_cell(x, h_prev, Wx, Wh, b):
    return _step(GRU(Wx, Wh, b), x, h_prev)


def lstm_cell(x, h_prev, c_prev, Wx, Wh, b):
    return _step(LSTM(Wx, Wh, b), x, h_prev, c_prev)


def rnn_cell_backward(dh, cache):
    return *cache.backward(dh), *cache.grads


def lstm_cell_backward(dh, dc, cache):
    return *cache.backward(dh, dc), *cache.grads


def _sequence(kind, xs, Wx, Wh, b, h0=None, c0=None, *, need_cache=True):
    N, T, _ = xs.shape
    zero = np.zeros((N, Wh.shape[0]), xs.dtype)
    state = [zero if part is None else part.copy() for part in (h0, c0)[: kind.states]]
    hs, cells = np.empty((N, T, zero.shape[1]), xs.dtype), []
    for t in range(T):
        *state, cell = _step(kind(Wx, Wh, b), xs[:, t], *state)
        hs[:, t] = state[0]
        cells.append(cell if need_cache else None)
    return hs, *state, (kind, xs, (Wx, Wh, b), cells) if need_cache else None


def _sequence_backward(dhs, cache):
    kind, xs, params, cells = cache
    dstate = kind.states * [np.zeros((xs.shape[0], params[1].shape[0]), xs.dtype)]
    dxs, grads = np.empty_like(xs), [np.zeros_like(param) for param in params]
    for t in reversed(range(len(cells))):
        dxs[:, t], *dstate = cells[t].backward(dhs[:, t] + dstate[0], *dstate[1:])
        for grad, part in zip(grads, cells[t].grads, strict=True):
            grad += part
    return dxs, *dstate, *grads


gru_cell_backward = rnn_cell_backward
rnn, lstm, gru = (partial(_sequence, kind) for kind in (RNN, LSTM, GRU))
rnn_backward = lstm_backward = gru_backward = _sequence_backward
