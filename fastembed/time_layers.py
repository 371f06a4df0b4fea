"""Recurrent layers and layers over a time axis, with the API of *Deep Learning from Scratch 2*.

Shapes: ids xs (N, T), inputs xs (N, T, D), outputs hs (N, T, H). There is no loop over T in Python.
"""

from collections.abc import Sequence

import numpy as np

from fastembed import ops
from fastembed._arrays import FLOATS, affine, affine_backward, cast, common_dtype
from fastembed.layers import *  # noqa: F403  (scripts expect every layer from here too)
from fastembed.layers import (
    Affine,
    Embedding,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    _scatter_any,
    is_one,
    sigmoid,
)
from fastembed.layers import __all__ as _layers
from fastembed.ops.embedding import gather_if_fit, scatter_add_if_fit

__all__ = [
    *_layers,
    "GRU",
    "LSTM",
    "RNN",
    "Simple_TimeAffine",
    "Simple_TimeSoftmaxWithLoss",
    "TimeAffine",
    "TimeAffineSoftmaxWithLoss",
    "TimeBiLSTM",
    "TimeDropout",
    "TimeEmbedding",
    "TimeGRU",
    "TimeLSTM",
    "TimeRNN",
    "TimeSigmoidWithLoss",
    "TimeSoftmaxWithLoss",
]


# ---- one time step


class RNN:
    """One step of a plain recurrent network: ``h = tanh(x Wx + h_prev Wh + b)``.

    Parameters
    ----------
    Wx : (D, H) ndarray
    Wh : (H, H) ndarray
    b : (H,) ndarray
    """

    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev):
        """Return h (N, H) from x (N, D) and h_prev (N, H)."""
        h, self.cache = ops.rnn_cell(*_cell_inputs(self.params, x, h_prev))
        return h

    def backward(self, dh_next):
        """Fill the gradients of the parameters; returns those of x and h_prev."""
        dh = _cell_gradient(dh_next, self.cache, self.params[1])
        dx, dh_prev, *grads = ops.rnn_cell_backward(dh, self.cache)
        _fill(self.grads, grads)
        return dx, dh_prev


class LSTM:
    """One step of an LSTM: ``c = f c_prev + g i``, ``h = o tanh(c)``; gates in the order f g i o.

    Parameters
    ----------
    Wx : (D, 4H) ndarray
    Wh : (H, 4H) ndarray
    b : (4H,) ndarray
    """

    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev, c_prev):
        """Return h and c (N, H) from x (N, D), h_prev and c_prev (N, H)."""
        h, c, self.cache = ops.lstm_cell(*_cell_inputs(self.params, x, h_prev, c_prev))
        return h, c

    def backward(self, dh_next, dc_next):
        """Fill the gradients of the parameters; returns those of x, h_prev and c_prev."""
        dh = _cell_gradient(dh_next, self.cache, self.params[1])
        dc = _cell_gradient(dc_next, self.cache, self.params[1])
        dx, dh_prev, dc_prev, *grads = ops.lstm_cell_backward(dh, dc, self.cache)
        _fill(self.grads, grads)
        return dx, dh_prev, dc_prev


class GRU:
    """One step of a GRU: ``h = (1 - z) h_prev + z h_hat``; gates in the order z r h_hat.

    Parameters
    ----------
    Wx : (D, 3H) ndarray
    Wh : (H, 3H) ndarray
    b : (3H,) ndarray
    """

    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev):
        """Return h (N, H) from x (N, D) and h_prev (N, H)."""
        h, self.cache = ops.gru_cell(*_cell_inputs(self.params, x, h_prev))
        return h

    def backward(self, dh_next):
        """Fill the gradients of the parameters; returns those of x and h_prev."""
        dh = _cell_gradient(dh_next, self.cache, self.params[1])
        dx, dh_prev, *grads = ops.gru_cell_backward(dh, self.cache)
        self.dWx, self.dWh, self.db = grads
        _fill(self.grads, grads)
        return dx, dh_prev


# ---- sequences


class TimeRNN:
    """A plain recurrent network over T steps.

    Parameters
    ----------
    Wx : (D, H) ndarray
    Wh : (H, H) ndarray
    b : (H,) ndarray
    stateful : bool
        Begin each forward with the last h instead of zero.

    Attributes
    ----------
    h : (N, H) ndarray or None
        State after the last step, a new array at each forward.
    dh : (N, H) ndarray or None
        Gradient of the initial state, after backward.
    """

    def __init__(self, Wx, Wh, b, stateful=False):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.layers = None
        self.h, self.dh = None, None
        self.stateful = stateful

    def forward(self, xs):
        """Return hs (N, T, H) as float32 from xs (N, T, D)."""
        inputs = _sequence_inputs(self.params, xs, self.h if self.stateful else None)
        hs, self.h, cache = ops.rnn(*inputs)
        self.layers = _RecurrentSteps(RNN, self.params, inputs, cache)
        return cast(hs, np.float32)

    def backward(self, dhs):
        """Fill the gradients and ``dh`` from dhs (N, T, H); returns dxs as float32."""
        if not _fits(self.layers, dhs):
            return _backward_by_step(self, dhs)
        dxs, self.dh, *grads = ops.rnn_backward(cast(dhs, self.layers.dtype), self.layers.cache)
        _fill(self.grads, grads)
        return cast(dxs, np.float32)

    def set_state(self, h):
        """Begin the next forward with h (never written); None means zero."""
        self.h = h

    def reset_state(self):
        """Begin the next forward with zero."""
        self.h = None


class TimeLSTM:
    """An LSTM over T steps.

    Parameters
    ----------
    Wx : (D, 4H) ndarray
    Wh : (H, 4H) ndarray
    b : (4H,) ndarray
    stateful : bool
        Begin each forward with the last h and c instead of zero.

    Attributes
    ----------
    h, c : (N, H) ndarray or None
        State after the last step, new arrays at each forward.
    dh : (N, H) ndarray or None
        Gradient of the initial h, after backward.
    """

    def __init__(self, Wx, Wh, b, stateful=False):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.layers = None
        self.h, self.c = None, None
        self.dh = None
        self.stateful = stateful

    def forward(self, xs):
        """Return hs (N, T, H) as float32 from xs (N, T, D)."""
        state = (self.h, self.c) if self.stateful else (None, None)
        inputs = _sequence_inputs(self.params, xs, *state)
        hs, self.h, self.c, cache = ops.lstm(*inputs)
        self.layers = _RecurrentSteps(LSTM, self.params, inputs, cache)
        return cast(hs, np.float32)

    def backward(self, dhs):
        """Fill the gradients and ``dh`` from dhs (N, T, H); returns dxs as float32."""
        if not _fits(self.layers, dhs):
            return _backward_by_step(self, dhs)
        dhs = cast(dhs, self.layers.dtype)
        dxs, self.dh, _, *grads = ops.lstm_backward(dhs, self.layers.cache)
        _fill(self.grads, grads)
        return cast(dxs, np.float32)

    def set_state(self, h, c=None):
        """Begin the next forward with h and c (never written); None means zero."""
        self.h, self.c = h, c

    def reset_state(self):
        """Begin the next forward with zero."""
        self.h, self.c = None, None


class TimeGRU:
    """A GRU over T steps.

    Parameters
    ----------
    Wx : (D, 3H) ndarray
    Wh : (H, 3H) ndarray
    b : (3H,) ndarray
    stateful : bool
        Begin each forward with the last h instead of zero.

    Attributes
    ----------
    h : (N, H) ndarray or None
        State after the last step, a new array at each forward.
    dh : (N, H) ndarray or None
        Gradient of the initial state, after backward.
    """

    def __init__(self, Wx, Wh, b, stateful=False):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.layers = None
        self.h, self.dh = None, None
        self.stateful = stateful

    def forward(self, xs):
        """Return hs (N, T, H) as float32 from xs (N, T, D)."""
        inputs = _sequence_inputs(self.params, xs, self.h if self.stateful else None)
        hs, self.h, cache = ops.gru(*inputs)
        self.layers = _RecurrentSteps(GRU, self.params, inputs, cache)
        return cast(hs, np.float32)

    def backward(self, dhs):
        """Fill the gradients and ``dh`` from dhs (N, T, H); returns dxs as float32."""
        if not _fits(self.layers, dhs):
            return _backward_by_step(self, dhs)
        dxs, self.dh, *grads = ops.gru_backward(cast(dhs, self.layers.dtype), self.layers.cache)
        _fill(self.grads, grads)
        return cast(dxs, np.float32)

    def set_state(self, h):
        """Begin the next forward with h (never written); None means zero."""
        self.h = h

    def reset_state(self):
        """Begin the next forward with zero."""
        self.h = None


class TimeBiLSTM:
    """An LSTM that reads xs forwards and another that reads it backwards, side by side.

    Parameters
    ----------
    Wx1, Wh1, b1 : ndarray
        Of the LSTM that reads forwards.
    Wx2, Wh2, b2 : ndarray
        Of the one that reads backwards.
    stateful : bool
    """

    def __init__(self, Wx1, Wh1, b1, Wx2, Wh2, b2, stateful=False):
        self.forward_lstm = TimeLSTM(Wx1, Wh1, b1, stateful)
        self.backward_lstm = TimeLSTM(Wx2, Wh2, b2, stateful)
        self.params = self.forward_lstm.params + self.backward_lstm.params
        self.grads = self.forward_lstm.grads + self.backward_lstm.grads

    def forward(self, xs):
        """Return (N, T, 2H) from xs (N, T, D)."""
        o1 = self.forward_lstm.forward(xs)
        o2 = self.backward_lstm.forward(xs[:, ::-1])
        return np.concatenate((o1, o2[:, ::-1]), axis=2)

    def backward(self, dhs):
        """Fill the gradients from dhs (N, T, 2H); returns dxs."""
        H = dhs.shape[2] // 2
        dxs = self.forward_lstm.backward(dhs[:, :, :H])
        dxs += self.backward_lstm.backward(dhs[:, ::-1, H:])[:, ::-1]
        return dxs


class TimeEmbedding:
    """Rows of W for each word of a batch of sequences.

    Parameters
    ----------
    W : (V, D) ndarray
        Kept, not copied.
    """

    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.layers = None
        self.W = W

    def forward(self, xs):
        """Look up ids (N, T), an integer array; returns (N, T, D) as float32.

        Raises
        ------
        IndexError
            If an id is outside [-V, V) or not an integer.
        """
        N, T = xs.shape
        V, D = self.W.shape
        if xs.dtype.kind not in "iu":
            raise IndexError(f"xs must be an integer array, got {xs.dtype}")
        out = gather_if_fit(self.W, xs)
        if out is None:
            out = ops.gather(self.W, xs) if self.W.dtype.type in FLOATS else self.W[xs]
        self.layers = _EmbeddingSteps(self.W, xs)
        return cast(out, np.float32)

    def backward(self, dout):
        """Fill the gradient of W from dout (N, T, D). Returns None."""
        N, T, D = dout.shape
        dW, steps = self.grads[0], self.layers
        if not isinstance(steps, _EmbeddingSteps) or steps.xs.shape != (N, T):
            grad = 0
            for t in range(T):
                steps[t].backward(dout[:, t])
                grad += steps[t].grads[0]
            dW[...] = grad
        elif not scatter_add_if_fit(dW, steps.xs, dout, True):
            _scatter_any(dW, steps.xs, dout)
        return None


class TimeAffine:
    """Matrix product and bias at every time step.

    Parameters
    ----------
    W : (D, M) ndarray
    b : (M,) ndarray
        Kept, not copied.
    """

    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        """Return ``x @ W + b``, (N, T, M), from x (N, T, D)."""
        N, T, D = x.shape
        out = affine(x.reshape(N * T, -1), *self.params)
        self.x = x
        return out.reshape(N, T, -1)

    def backward(self, dout):
        """Fill the gradients of W and b from dout (N, T, M); returns that of x."""
        x = self.x
        N, T, D = x.shape
        rows, dout = x.reshape(N * T, -1), dout.reshape(N * T, -1)
        return affine_backward(dout, rows, self.params[0], self.grads).reshape(N, T, D)


class TimeDropout:
    """Set a share of xs to zero in training and scale up the rest.

    Parameters
    ----------
    dropout_ratio : float
        Masks come from ``np.random.rand``.

    Attributes
    ----------
    train_flg : bool
        Set it to False and xs passes unchanged.
    """

    def __init__(self, dropout_ratio=0.5):
        self.params, self.grads = [], []
        self.dropout_ratio = dropout_ratio
        self.mask = None
        self.train_flg = True

    def forward(self, xs):
        """Return xs with dropped entries."""
        if not self.train_flg:
            return xs
        keep = np.random.rand(*xs.shape) > self.dropout_ratio
        scale = 1 / (1.0 - self.dropout_ratio)
        self.mask = np.multiply(keep, scale, dtype=np.float32)
        return xs * self.mask

    def backward(self, dout):
        """Return the gradient of xs."""
        return dout * self.mask


class TimeSoftmaxWithLoss:
    """Softmax and mean cross-entropy at every time step.

    Attributes
    ----------
    ignore_label : int
        Labels of this value (-1) count for nothing; if all are, the loss is NaN.
    train_flg : bool
        Set it to False and forward makes no gradient; a backward that comes nevertheless does.
    """

    train_flg = True

    def __init__(self):
        self.params, self.grads = [], []
        self.cache = None
        self.ignore_label = -1

    def forward(self, xs, ts):
        """Return the loss of scores xs (N, T, V) and labels ts (N, T) or one-hot (N, T, V).

        Raises
        ------
        IndexError
            If a label is outside [-V, V) or not an integer.
        """
        N, T, V = xs.shape
        if ts.ndim == 3:
            ts = ts.argmax(axis=2)
        if ts.dtype.kind not in "iu":
            raise IndexError(f"ts must be an integer array, got {ts.dtype}")
        scores = cast(xs, common_dtype(xs))
        ignore = self.ignore_label
        loss, dscores = ops.softmax_cross_entropy(
            scores, ts, ignore_label=ignore, need_grad=self.train_flg
        )
        self.cache = _LossCache(scores, dscores, ts, ignore)
        return loss

    def backward(self, dout=1):
        """Return the gradient of xs. A second call works on what the first has returned."""
        dx = self.cache.take_gradient() if isinstance(self.cache, _LossCache) else None
        if dx is not None:
            if not is_one(dout):
                dx *= dout
            return dx
        ts, dx, mask, (N, T, V) = self.cache
        dx[np.arange(N * T), ts] -= 1
        dx *= dout
        dx /= mask.sum()
        dx *= mask[:, np.newaxis]
        return dx.reshape((N, T, V))


class TimeAffineSoftmaxWithLoss:
    """TimeAffine and TimeSoftmaxWithLoss in one: the scores of all words never exist at once.

    Parameters
    ----------
    W : (D, V) ndarray
    b : (V,) ndarray
        Kept, not copied.

    Attributes
    ----------
    ignore_label : int
        Labels of this value (-1) count for nothing; if all are, the loss is NaN.
    """

    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]
        self.ignore_label = -1
        self.cache = None

    @classmethod
    def of(cls, affine):
        """A layer that shares the parameters and gradients of a TimeAffine layer."""
        layer = cls.__new__(cls)
        layer.params, layer.grads = affine.params, affine.grads
        layer.ignore_label, layer.cache = -1, None
        return layer

    def forward(self, xs, ts):
        """Return the loss of ``softmax(xs @ W + b)``, xs (N, T, D), and labels ts (N, T).

        The gradients are made here, with the loss, in memory of this layer's own.

        Raises
        ------
        IndexError
            If a label is outside [-V, V) or not an integer.
        """
        if ts.ndim == 3:
            ts = ts.argmax(axis=2)
        if ts.dtype.kind not in "iu":
            raise IndexError(f"ts must be an integer array, got {ts.dtype}")
        W, b = self.params
        fits = _alike(W, b) and common_dtype(xs, W) == W.dtype
        xs, W, b = (cast(array, W.dtype if fits else np.float64) for array in (xs, W, b))
        made, self.cache = self._gradients_like(W, b), None
        ignore = self.ignore_label
        loss, dxs, *made = ops.linear_cross_entropy(xs, W, b, ts, ignore_label=ignore, out=made)
        if np.isnan(loss) and (ts == ignore).all():
            for gradient in (dxs, *made):
                gradient.fill(np.nan)
        self.cache = (dxs, *made)
        return loss

    def backward(self, dout=1):
        """Fill the gradients of W and b; returns that of xs."""
        dxs, *made = self.cache
        scale = dxs.dtype.type(dout)
        for grad, value in zip(self.grads, made, strict=True):
            np.multiply(value, scale, out=grad, casting="same_kind")
        return dxs * scale

    def _gradients_like(self, W, b):
        """Arrays for the gradients of W and b: those of the last forward, if they fit."""
        if self.cache is not None:
            _, *made = self.cache
            if made[0].shape == W.shape and made[0].dtype == W.dtype:
                return made
        return [np.empty_like(W), np.empty_like(b)]


class TimeSigmoidWithLoss:
    """Sigmoid and binary cross-entropy of scores xs (N, T) and labels ts (N, T), 0 or 1."""

    def __init__(self):
        self.params, self.grads = [], []
        self.xs_shape = None
        self.layers = None

    def forward(self, xs, ts):
        """Return the loss, mean over the batch and over time."""
        N, T = xs.shape
        self.xs_shape = xs.shape
        self.layers = _SigmoidLossSteps(sigmoid(xs), ts)
        y = self.layers.y
        p = np.where(ts != 0, y, 1 - y)
        return -np.sum(np.log(p + 1e-7)) / N / T

    def backward(self, dout=1):
        """Return the gradient of xs, as float32."""
        N, T = self.xs_shape
        if isinstance(self.layers, _SigmoidLossSteps):
            dxs = (self.layers.y - self.layers.ts) * (dout / T / N)
            return dxs.astype(np.float32)
        dxs = np.empty(self.xs_shape, np.float32)
        for t in range(T):
            dxs[:, t] = self.layers[t].backward(dout * (1 / T))
        return dxs


class Simple_TimeSoftmaxWithLoss:
    """Softmax and mean cross-entropy at every time step; every label counts."""

    def __init__(self):
        self.params, self.grads = [], []
        self.cache = None

    def forward(self, xs, ts):
        """Return the loss of scores xs (N, T, V) and labels ts (N, T) or one-hot (N, T, V)."""
        N, T, V = xs.shape
        layer = SoftmaxWithLoss()
        loss = layer.forward(xs.reshape(N * T, V), ts.reshape((N * T,) + ts.shape[2:]))
        self.cache = ([layer], xs)
        return loss

    def backward(self, dout=1):
        """Return the gradient of xs, as float32."""
        (layer,), xs = self.cache
        return cast(layer.backward(dout), np.float32).reshape(xs.shape)


class Simple_TimeAffine:
    """Matrix product and bias at every time step; gradients are in ``dW`` and ``db``.

    Parameters
    ----------
    W : (D, M) ndarray
    b : (M,) ndarray
    """

    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = None, None
        self.layers = None

    def forward(self, xs):
        """Return ``xs @ W + b``, (N, T, M), as float32 from xs (N, T, D)."""
        N, T, D = xs.shape
        layer = Affine(self.W, self.b)
        out = layer.forward(xs.reshape(N * T, D))
        self.layers = [layer]
        return cast(out, np.float32).reshape(N, T, -1)

    def backward(self, dout):
        """Return the gradient of xs, as float32, from dout (N, T, M)."""
        N, T, M = dout.shape
        (layer,) = self.layers
        dxs = layer.backward(dout.reshape(N * T, M))
        self.dW, self.db = layer.grads
        return cast(dxs, np.float32).reshape(N, T, -1)


# ---- what a forward keeps: layers of single steps, made only if somebody looks at them


class _Steps(Sequence):
    """A sequence of T layers of one step each."""

    made = None

    def __len__(self):
        return self.T

    def __getitem__(self, t):
        if self.made is None:
            self.made = self.make()
        return self.made[t]


class _EmbeddingSteps(_Steps):
    def __init__(self, W, xs):
        self.W, self.xs, self.T = W, xs, xs.shape[1]

    def make(self):
        layers = [Embedding(self.W) for _ in range(self.T)]
        for t, layer in enumerate(layers):
            layer.idx = self.xs[:, t]
        return layers


class _RecurrentSteps(_Steps):
    def __init__(self, cell, params, inputs, cache):
        self.cell, self.params, self.inputs, self.cache = cell, list(params), inputs, cache
        (N, self.T, _), H = inputs[0].shape, inputs[2].shape[0]
        self.shape, self.dtype = (N, self.T, H), inputs[0].dtype

    def make(self):
        xs, state = self.inputs[0], self.inputs[4:]
        zero = np.zeros((self.shape[0], self.shape[2]), self.dtype)
        state = tuple(zero if part is None else part for part in state)
        layers = []
        for t in range(self.T):
            layer = self.cell(*self.params)
            state = layer.forward(xs[:, t], *state)
            state = state if isinstance(state, tuple) else (state,)
            layers.append(layer)
        return layers


class _SigmoidLossSteps(_Steps):
    def __init__(self, y, ts):
        self.y, self.ts, self.T = y, ts, y.shape[1]

    def make(self):
        layers = [SigmoidWithLoss() for _ in range(self.T)]
        for t, layer in enumerate(layers):
            layer.y, layer.t = self.y[:, t], self.ts[:, t]
        return layers


class _LossCache:
    """The gradient that forward made; unpacked, it is labels, probabilities, mask and shape."""

    def __init__(self, scores, dscores, ts, ignore_label):
        self.shape, self.ts, self.ignore_label = scores.shape, ts.reshape(-1), ignore_label
        self.scores, self.dscores = scores, None
        if dscores is not None:
            self._keep(dscores)

    def _keep(self, dscores):
        self.dscores, self.flat, self.scores = dscores, dscores.reshape(-1, self.shape[2]), None
        if (self.ts == self.ignore_label).all():
            dscores.fill(np.nan)

    def take_gradient(self):
        """The gradient, once; None from then on."""
        if self.scores is not None:  # forward made the loss alone
            labels = self.ts.reshape(self.shape[:2])
            self._keep(
                ops.softmax_cross_entropy(self.scores, labels, ignore_label=self.ignore_label)[1]
            )
        dscores, self.dscores = self.dscores, None
        return dscores

    def __iter__(self):
        mask = self.ts != self.ignore_label
        if self.take_gradient() is not None:
            self.flat *= mask.sum()  # back to probabilities (zero where ignored)
            self.flat[np.flatnonzero(mask), self.ts[mask]] += 1
        return iter((self.ts, self.flat, mask, self.shape))


# ---- helpers


def _alike(*arrays):
    """Whether the ops take all of them together: one dtype, float32 or float64."""
    return arrays[0].dtype.type in FLOATS and all(a.dtype == arrays[0].dtype for a in arrays)


def _fill(grads, values):
    for grad, value in zip(grads, values, strict=True):
        grad[...] = value


def _sequence_inputs(params, xs, *state):
    """Arguments of a recurrent op, of one dtype; state is broadcast to the batch."""
    N, T, D = xs.shape
    H = params[1].shape[0]
    given = [part for part in state if part is not None]
    dtype = common_dtype(xs, *params, *given)
    state = [part if part is None else _state(part, N, H, dtype) for part in state]
    return [cast(xs, dtype), *(cast(param, dtype) for param in params), *state]


def _state(part, N, H, dtype):
    if part.shape != (N, H):
        part = np.broadcast_to(part, (N, H))
    return cast(part, dtype)


def _cell_inputs(params, x, *state):
    """Arguments of a cell's op in its order, of one dtype; a batch of one is broadcast."""
    x, *state = (np.asarray(array) for array in (x, *state))
    H = params[1].shape[0]
    N = max(x.shape[0], *(part.shape[0] for part in state if part.ndim))
    dtype = common_dtype(x, *state, *params)
    x = cast(np.broadcast_to(x, (N, x.shape[1])), dtype)
    state = (_state(part, N, H, dtype) for part in state)
    return [x, *state, *(cast(param, dtype) for param in params)]


def _cell_gradient(gradient, cache, Wh):
    """The gradient of a cell's output as an array; a plain 0 stands for zeros."""
    N, dtype = cache.xs.shape[0], cache.xs.dtype
    return _state(np.asarray(gradient), N, Wh.shape[0], dtype)


def _fits(steps, dhs):
    """Whether our own forward came last, with as many steps as dhs has."""
    return isinstance(steps, _RecurrentSteps) and dhs.shape == steps.shape


def _backward_by_step(layer, dhs):
    """Backward through layer.layers, which an overridden forward has made."""
    N, T, H = dhs.shape
    dxs = np.empty((N, T, layer.params[0].shape[0]), np.float32)
    totals = [0, 0, 0]
    carry = None
    for t in reversed(range(T)):
        step = layer.layers[t]
        if carry is None:
            carry = (0, 0) if isinstance(layer, TimeLSTM) else (0,)
        dxs[:, t], *carry = step.backward(dhs[:, t] + carry[0], *carry[1:])
        for k, grad in enumerate(step.grads):
            totals[k] += grad
    _fill(layer.grads, totals)
    layer.dh = carry[0]
    return dxs
