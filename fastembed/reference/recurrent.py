"""RNN, LSTM and GRU in plain NumPy: one cell, and a Python loop over the time steps."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_cell(x, h_prev, Wx, Wh, b):
    h = np.tanh(x @ Wx + h_prev @ Wh + b)
    return h, (x, h_prev, h, Wx, Wh)


def rnn_cell_backward(dh, cache):
    x, h_prev, h, Wx, Wh = cache
    da = dh * (1 - h**2)  # (N, H)
    return da @ Wx.T, da @ Wh.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)


def lstm_cell(x, h_prev, c_prev, Wx, Wh, b):
    a = x @ Wx + h_prev @ Wh + b  # (N, 4H)
    f, g, i, o = np.split(a, 4, axis=1)
    f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
    c = f * c_prev + g * i
    h = o * np.tanh(c)
    return h, c, (x, h_prev, c_prev, f, g, i, o, c, Wx, Wh)


def lstm_cell_backward(dh, dc, cache):
    x, h_prev, c_prev, f, g, i, o, c, Wx, Wh = cache
    tanh_c = np.tanh(c)
    dc = dc + dh * o * (1 - tanh_c**2)
    da = np.hstack(
        [
            dc * c_prev * f * (1 - f),
            dc * i * (1 - g**2),
            dc * g * i * (1 - i),
            dh * tanh_c * o * (1 - o),
        ]
    )  # (N, 4H)
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, h_prev.T @ da, da.sum(axis=0)


def gru_cell(x, h_prev, Wx, Wh, b):
    H = h_prev.shape[1]
    zr = sigmoid(x @ Wx[:, : 2 * H] + h_prev @ Wh[:, : 2 * H] + b[: 2 * H])
    z, r = zr[:, :H], zr[:, H:]
    h_hat = np.tanh(x @ Wx[:, 2 * H :] + (r * h_prev) @ Wh[:, 2 * H :] + b[2 * H :])
    h = (1 - z) * h_prev + z * h_hat
    return h, (x, h_prev, z, r, h_hat, Wx, Wh)


def gru_cell_backward(dh, cache):
    x, h_prev, z, r, h_hat, Wx, Wh = cache
    H = h_prev.shape[1]
    da_hat = dh * z * (1 - h_hat**2)  # (N, H)
    drh = da_hat @ Wh[:, 2 * H :].T
    da_z = dh * (h_hat - h_prev) * z * (1 - z)
    da_r = drh * h_prev * r * (1 - r)
    da_zr = np.hstack([da_z, da_r])  # (N, 2H)
    da = np.hstack([da_zr, da_hat])  # (N, 3H)
    dh_prev = dh * (1 - z) + drh * r + da_zr @ Wh[:, : 2 * H].T
    dWh = np.hstack([h_prev.T @ da_zr, (r * h_prev).T @ da_hat])
    return da @ Wx.T, dh_prev, x.T @ da, dWh, da.sum(axis=0)


def _start(xs, H, h0):
    return np.zeros((xs.shape[0], H), xs.dtype) if h0 is None else h0.copy()


def rnn(xs, Wx, Wh, b, h0=None, *, need_cache=True):
    return _sequence(rnn_cell, xs, Wx, Wh, b, h0, need_cache)


def rnn_backward(dhs, cache):
    return _sequence_backward(rnn_cell_backward, dhs, cache)


def gru(xs, Wx, Wh, b, h0=None, *, need_cache=True):
    return _sequence(gru_cell, xs, Wx, Wh, b, h0, need_cache)


def gru_backward(dhs, cache):
    return _sequence_backward(gru_cell_backward, dhs, cache)


def lstm(xs, Wx, Wh, b, h0=None, c0=None, *, need_cache=True):
    H = Wh.shape[0]
    h, c = _start(xs, H, h0), _start(xs, H, c0)
    hs = np.empty(xs.shape[:2] + (H,), xs.dtype)
    caches = []
    for t in range(xs.shape[1]):
        h, c, cache = lstm_cell(xs[:, t], h, c, Wx, Wh, b)
        hs[:, t] = h
        caches.append(cache if need_cache else None)
    return hs, h, c, (xs, Wx, Wh, caches) if need_cache else None


def lstm_backward(dhs, cache):
    xs, Wx, Wh, caches = cache
    dh, dc = _start(dhs, Wh.shape[0], None), _start(dhs, Wh.shape[0], None)
    dxs = np.empty_like(xs)
    grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wx, shape=Wx.shape[1])]
    for t in reversed(range(len(caches))):
        dxs[:, t], dh, dc, *step = lstm_cell_backward(dhs[:, t] + dh, dc, caches[t])
        for grad, part in zip(grads, step, strict=True):
            grad += part
    return dxs, dh, dc, *grads


def _sequence(cell, xs, Wx, Wh, b, h0, need_cache):
    H = Wh.shape[0]
    h = _start(xs, H, h0)
    hs = np.empty(xs.shape[:2] + (H,), xs.dtype)
    caches = []
    for t in range(xs.shape[1]):
        h, cache = cell(xs[:, t], h, Wx, Wh, b)
        hs[:, t] = h
        caches.append(cache if need_cache else None)
    return hs, h, (xs, Wx, Wh, caches) if need_cache else None


def _sequence_backward(cell_backward, dhs, cache):
    xs, Wx, Wh, caches = cache
    dh = _start(dhs, Wh.shape[0], None)
    dxs = np.empty_like(xs)
    grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wx, shape=Wx.shape[1])]
    for t in reversed(range(len(caches))):
        dxs[:, t], dh, *step = cell_backward(dhs[:, t] + dh, caches[t])
        for grad, part in zip(grads, step, strict=True):
            grad += part
    return dxs, dh, *grads
