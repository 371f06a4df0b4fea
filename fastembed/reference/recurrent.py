"""RNN, LSTM and GRU in plain NumPy: one of the layers' cells for each step of a Python loop."""

import numpy as np

from fastembed.reference import layers


class _Bare:
    """A cell that hands on its gradients and fills no arrays."""

    def __init__(self, *params):
        self.params = params

    def _fill(self, *grads):
        self.grads = grads


class RNN(_Bare, layers.RNN):
    pass


class LSTM(_Bare, layers.LSTM):
    pass


class GRU(_Bare, layers.GRU):
    pass


def rnn_cell(x, h_prev, Wx, Wh, b):
    return _step(RNN(Wx, Wh, b), x, h_prev)


def rnn_cell_backward(dh, cache):
    return *cache.backward(dh), *cache.grads


def lstm_cell(x, h_prev, c_prev, Wx, Wh, b):
    return _step(LSTM(Wx, Wh, b), x, h_prev, c_prev)


def lstm_cell_backward(dh, dc, cache):
    return *cache.backward(dh, dc), *cache.grads


def gru_cell(x, h_prev, Wx, Wh, b):
    return _step(GRU(Wx, Wh, b), x, h_prev)


gru_cell_backward = rnn_cell_backward


def rnn(xs, Wx, Wh, b, h0=None, *, need_cache=True):
    return _sequence(RNN, xs, (Wx, Wh, b), (h0,), need_cache)


def lstm(xs, Wx, Wh, b, h0=None, c0=None, *, need_cache=True):
    return _sequence(LSTM, xs, (Wx, Wh, b), (h0, c0), need_cache)


def gru(xs, Wx, Wh, b, h0=None, *, need_cache=True):
    return _sequence(GRU, xs, (Wx, Wh, b), (h0,), need_cache)


def rnn_backward(dhs, cache):
    return _sequence_backward(dhs, cache, 1)


def lstm_backward(dhs, cache):
    return _sequence_backward(dhs, cache, 2)


gru_backward = rnn_backward


def _step(cell, x, *state):
    """The new state, and the cell."""
    state = cell.forward(x, *state)
    return (*state, cell) if isinstance(state, tuple) else (state, cell)


def _sequence(kind, xs, params, state, need_cache):
    N, T, _ = xs.shape
    zero = np.zeros((N, params[1].shape[0]), xs.dtype)
    state = [zero if part is None else part.copy() for part in state]
    hs, cells = np.empty((N, T, zero.shape[1]), xs.dtype), []
    for t in range(T):
        *state, cell = _step(kind(*params), xs[:, t], *state)
        hs[:, t] = state[0]
        cells.append(cell if need_cache else None)
    return hs, *state, (xs, params, cells) if need_cache else None


def _sequence_backward(dhs, cache, states):
    xs, params, cells = cache
    dstate = states * [np.zeros((xs.shape[0], params[1].shape[0]), xs.dtype)]
    dxs, grads = np.empty_like(xs), [np.zeros_like(param) for param in params]
    for t in reversed(range(len(cells))):
        dxs[:, t], *dstate = cells[t].backward(dhs[:, t] + dstate[0], *dstate[1:])
        for grad, part in zip(grads, cells[t].grads, strict=True):
            grad += part
    return dxs, *dstate, *grads
