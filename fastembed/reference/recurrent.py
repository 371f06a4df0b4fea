"""RNN, LSTM and GRU in plain NumPy: one of the layers' cells for each step of a Python loop."""

from functools import partial

import numpy as np

from fastembed.reference import layers

ALL = slice(None)  # rows


class _Bare:
    """A cell that hands on its gradients and fills no arrays."""

    def __init__(self, *params):
        self.params = params

    def _fill(self, *grads):
        self.grads = grads

    @staticmethod
    def sizes(Wh):
        """Those of the states."""
        return (len(Wh),)


class RNN(_Bare, layers.RNN):
    pass


class GRU(_Bare, layers.GRU):
    pass


class GRUResetAfter(_Bare):
    """A GRU whose r scales the product with Wh, which has a bias of its own: the last of b."""

    def forward(self, x, h_prev):
        H = h_prev.shape[1]
        Wx, Wh, b = self.params
        a_x, a_h = np.dot(x, Wx) + b[: 3 * H], np.dot(h_prev, Wh)
        z = layers.sigmoid(a_x[:, :H] + a_h[:, :H])
        r = layers.sigmoid(a_x[:, H : 2 * H] + a_h[:, H : 2 * H])
        a = a_h[:, 2 * H :] + b[3 * H :]
        h_hat = np.tanh(a_x[:, 2 * H :] + r * a)
        self.cache = x, h_prev, z, r, a, h_hat
        return (1 - z) * h_prev + z * h_hat

    def backward(self, dh):
        Wx, Wh, _ = self.params
        x, h_prev, z, r, a, h_hat = self.cache
        da_h = dh * z * (1 - h_hat**2)
        da_z = dh * (h_hat - h_prev) * z * (1 - z)
        da_r = da_h * a * r * (1 - r)
        da_x = np.concatenate([da_z, da_r, da_h], axis=1)
        da_h = np.concatenate([da_z, da_r, da_h * r], axis=1)
        db = np.concatenate([da_x.sum(axis=0), da_h[:, 2 * dh.shape[1] :].sum(axis=0)])
        self._fill(np.dot(x.T, da_x), np.dot(h_prev.T, da_h), db)
        return np.dot(da_x, Wx.T), dh * (1 - z) + np.dot(da_h, Wh.T)


class LSTM(_Bare, layers.LSTM):
    @staticmethod
    def sizes(Wh):
        return len(Wh), Wh.shape[1] // 4


def _step(cell, x, *state):
    """The new state, and the cell."""
    state = cell.forward(x, *state)
    return (*state, cell) if isinstance(state, tuple) else (state, cell)


def _cell(kind, x, h_prev, Wx, Wh, b):
    return _step(kind(Wx, Wh, b), x, h_prev)


def lstm_cell(x, h_prev, c_prev, Wx, Wh, b):
    return _step(LSTM(Wx, Wh, b), x, h_prev, c_prev)


def rnn_cell_backward(dh, cache):
    return *cache.backward(dh), *cache.grads


def lstm_cell_backward(dh, dc, cache):
    return *cache.backward(dh, dc), *cache.grads


def _sequence(
    kind, xs, Wx, Wh, b, h0=None, c0=None, *more, lengths=None, reverse=False, need_cache=True
):
    N, T, _ = xs.shape
    params, sizes = (Wx, Wh, b, *more), kind.sizes(Wh)
    state = [
        np.zeros((N, H), xs.dtype) if part is None else part.copy()
        for part, H in zip((h0, c0), sizes, strict=False)
    ]
    hs, cells = np.zeros((N, T, sizes[0]), xs.dtype), []
    for rows, t in _steps(lengths, T, reverse):
        *new, cell = _step(kind(*params), xs[rows, t], *(part[rows] for part in state))
        hs[rows, t] = new[0]
        state = _put(state, rows, new)
        cells.append((cell if need_cache else None, rows, t))
    return hs, *state, (kind, xs, params, cells) if need_cache else None


def _steps(lengths, T, reverse):
    """The rows that are still there at each step, and at which step of xs they are."""
    for t in range(T):
        if lengths is None:
            yield ALL, T - 1 - t if reverse else t
            continue
        lengths = np.asarray(lengths)
        rows = np.flatnonzero(lengths > t)
        yield rows, lengths[rows] - 1 - t if reverse else t


def _put(state, rows, values):
    """The state with new values in some rows."""
    if rows is ALL:
        return values
    for part, value in zip(state, values, strict=True):
        part[rows] = value
    return state


def _sequence_backward(dhs, cache, *, dh_last=None, dc_last=None):
    kind, xs, params, cells = cache
    dstate = [
        np.zeros((len(xs), H), xs.dtype) if part is None else part.copy()
        for part, H in zip((dh_last, dc_last), kind.sizes(params[1]), strict=False)
    ]
    dxs, grads = np.zeros_like(xs), [np.zeros_like(param) for param in params]
    for cell, rows, t in reversed(cells):
        dh, *dc = (part[rows] for part in dstate)
        dxs[rows, t], *new = cell.backward(dhs[rows, t] + dh, *dc)
        dstate = _put(dstate, rows, new)
        for grad, part in zip(grads, cell.grads, strict=True):
            grad += part
    return dxs, *dstate, *grads


rnn_cell, gru_cell, gru_reset_after_cell = (
    partial(_cell, kind) for kind in (RNN, GRU, GRUResetAfter)
)
gru_cell_backward = gru_reset_after_cell_backward = rnn_cell_backward
rnn, lstm, gru, gru_reset_after = (
    partial(_sequence, kind) for kind in (RNN, LSTM, GRU, GRUResetAfter)
)
rnn_backward = lstm_backward = gru_backward = gru_reset_after_backward = _sequence_backward


# ---- layers on top of each other


class ProjectedLSTM(LSTM):
    """An LSTM whose h is projected: by Wp, to fewer numbers than c has."""

    def forward(self, x, h_prev, c_prev):
        Wx, Wh, b, Wp = self.params
        self.inner = LSTM(np.concatenate([Wx, Wh]), np.zeros((len(Wp), len(b)), Wx.dtype), b)
        zero = np.zeros_like(c_prev)
        self.m, c = self.inner.forward(np.concatenate([x, h_prev], axis=1), zero, c_prev)
        return np.dot(self.m, Wp), c

    def backward(self, dh, dc):
        D, (_, _, _, Wp) = len(self.params[0]), self.params
        dx, _, dc = self.inner.backward(np.dot(dh, Wp.T), dc)
        dW, _, db = self.inner.grads
        self._fill(dW[:D], dW[D:], db, np.dot(self.m.T, dh))
        return dx[:, :D], dx[:, D:], dc


class _Stacked:
    """Layers with the parameters of each level and direction, one after another."""

    kind = None

    def __init__(self, D, H):
        """One layer, of random parameters."""
        G = {StackedRNN: 1, StackedGRU: 3, StackedLSTM: 4}[type(self)] * H
        bound = 1 / np.sqrt(H)
        params = [np.random.uniform(-bound, bound, shape) for shape in ((D, G), (H, G), (G,))]
        vars(self).update(vars(self.from_params([param.astype("f") for param in params])))

    @classmethod
    def from_params(cls, params, bidirectional=False, stateful=False):
        stack = cls.__new__(cls)
        stack.params, stack.grads = list(params), [np.zeros_like(param) for param in params]
        stack.directions, stack.stateful = 1 + bidirectional, stateful
        stack.reset_state()
        return stack

    def set_state(self, h, c=None):
        self.h, self.c = h, c

    def reset_state(self):
        self.h = self.c = self.dh = self.dc = None

    def _runs(self):
        """Each layer's kind, parameters, gradients and state."""
        biases = sum(param.ndim == 1 for param in self.params)
        each = len(self.params) // biases
        kind = ProjectedLSTM if each == 4 else self.kind
        for k in range(biases):
            own = slice(k * each, (k + 1) * each)
            state = [None if part is None else part[k] for part in (self.h, self.c)]
            yield kind, self.params[own], self.grads[own], state if self.stateful else [None, None]

    def forward(self, xs, lengths=None):
        runs, self.caches, last = list(self._runs()), [], []
        for k in range(0, len(runs), self.directions):
            outs = []
            for d, (kind, params, _, state) in enumerate(runs[k : k + self.directions]):
                options = {"lengths": lengths, "reverse": bool(d)}
                hs, *now, cache = _sequence(kind, xs, *params[:3], *state, *params[3:], **options)
                outs.append(hs)
                last.append(now)
                self.caches.append(cache)
            xs = np.concatenate(outs, axis=2)
        self.h, self.c = [*map(np.stack, zip(*last, strict=True)), None][:2]
        return xs

    def backward(self, dhs, dh_last=None, dc_last=None):
        runs, first = list(self._runs()), [None] * len(self.caches)
        for k in reversed(range(0, len(runs), self.directions)):
            dxs = 0
            for d, part in enumerate(np.split(dhs, self.directions, axis=2)):
                n = k + d
                last = [None if part is None else part[n] for part in (dh_last, dc_last)]
                dx, *first[n] = _sequence_backward(
                    part, self.caches[n], dh_last=last[0], dc_last=last[1]
                )
                grads = runs[n][2]
                for grad, value in zip(grads, first[n][-len(grads) :], strict=True):
                    grad[...] = value
                dxs = dxs + dx
                first[n] = first[n][: -len(grads)]
            dhs = dxs
        self.dh, self.dc = [*map(np.stack, zip(*first, strict=True)), None][:2]
        return dhs


class StackedRNN(_Stacked):
    kind = RNN


class StackedGRU(_Stacked):
    @property
    def kind(self):
        _, Wh, b = self.params[:3]
        return GRU if len(b) == Wh.shape[1] else GRUResetAfter


class StackedLSTM(_Stacked):
    kind = LSTM
