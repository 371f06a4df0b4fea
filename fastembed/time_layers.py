"""Recurrent layers and layers over a time axis, with the API of *Deep Learning from Scratch 2*.

Shapes: ids xs (N, T), inputs xs (N, T, D), outputs hs (N, T, H). There is no loop over T in Python.
"""

from collections.abc import Sequence

import numpy as np

from fastembed import ops
from fastembed._arrays import FLOAT32, FLOATS, cast, common_dtype, fill
from fastembed.layers import *  # noqa: F403  (scripts expect every layer from here too)
from fastembed.layers import (
    Affine,
    Embedding,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    add_up,
    binary_cross_entropy,
    is_one,
    labels,
    look_up,
    sigmoid,
)
from fastembed.layers import __all__ as _layers
from fastembed.ops import recurrent
from fastembed.ops.elementwise import dropout_if_fit
from fastembed.ops.loss import softmax_cross_entropy_if_fit

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


class _Cell:
    """What the layers of one step have in common: a row names the ops, which do the rest."""

    forward_op = backward_op = None

    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev):
        """Return h (N, H) from x (N, D) and h_prev (N, H)."""
        h, self.cache = self._forward(x, h_prev)
        return h

    def backward(self, dh_next):
        """Fill the gradients of the parameters; returns those of x and h_prev."""
        return self._backward(dh_next)

    def _forward(self, x, *state):
        try:
            return self.forward_op(x, *state, *self.params)
        except (TypeError, ValueError):  # mixed dtypes, a batch of one, lists
            x, *state = map(np.asarray, (x, *state))
        N = max(x.shape[0], *(part.shape[0] for part in state if part.ndim))
        x = np.broadcast_to(x, (N, x.shape[1]))
        x, Wx, Wh, b, *state = _of_one_dtype(x, self.params, state)
        return self.forward_op(x, *state, Wx, Wh, b)

    def _backward(self, *gradients):
        """Gradients of the inputs from those of the outputs; a plain 0 stands for zeros."""
        try:
            return self.backward_op(*gradients, self.cache, out=self.grads)[:-3]
        except (TypeError, ValueError):
            xs, shape = self.cache.xs, (self.cache.xs.shape[0], self.cache.Wh.shape[0])
        gradients = [cast(np.broadcast_to(given, shape), xs.dtype) for given in gradients]
        *inputs, dWx, dWh, db = self.backward_op(*gradients, self.cache)
        fill(self.grads, (dWx, dWh, db))
        return tuple(inputs)


class RNN(_Cell):
    """One step of a plain recurrent network: ``h = tanh(x Wx + h_prev Wh + b)``.

    Parameters
    ----------
    Wx : (D, H) ndarray
    Wh : (H, H) ndarray
    b : (H,) ndarray
    """

    forward_op, backward_op = map(staticmethod, (recurrent.rnn_cell, recurrent.rnn_cell_backward))


class LSTM(_Cell):
    """One step of an LSTM: ``c = f c_prev + g i``, ``h = o tanh(c)``; gates in the order f g i o.

    Parameters
    ----------
    Wx : (D, 4H) ndarray
    Wh : (H, 4H) ndarray
    b : (4H,) ndarray
    """

    forward_op, backward_op = map(staticmethod, (recurrent.lstm_cell, recurrent.lstm_cell_backward))

    def forward(self, x, h_prev, c_prev):
        """Return h and c (N, H) from x (N, D), h_prev and c_prev (N, H)."""
        h, c, self.cache = self._forward(x, h_prev, c_prev)
        return h, c

    def backward(self, dh_next, dc_next):
        """Fill the gradients of the parameters; returns those of x, h_prev and c_prev."""
        return self._backward(dh_next, dc_next)


class GRU(_Cell):
    """One step of a GRU: ``h = (1 - z) h_prev + z h_hat``; gates in the order z r h_hat.

    Parameters
    ----------
    Wx : (D, 3H) ndarray
    Wh : (H, 3H) ndarray
    b : (3H,) ndarray
    """

    forward_op, backward_op = map(staticmethod, (recurrent.gru_cell, recurrent.gru_cell_backward))

    def backward(self, dh_next):
        """Fill the gradients of the parameters; returns those of x and h_prev."""
        gradients = self._backward(dh_next)
        self.dWx, self.dWh, self.db = (grad.copy() for grad in self.grads)
        return gradients


# ---- sequences


class _TimeRecurrent:
    """What the recurrent layers have in common: a row names the cell, its ops and its state."""

    cell = forward_op = backward_op = None
    state = ("h",)

    def __init__(self, Wx, Wh, b, stateful=False):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.layers = None
        self.dh = None
        self.stateful = stateful
        self.reset_state()

    def forward(self, xs):
        """Return hs (N, T, H) as float32 from xs (N, T, D)."""
        state = [getattr(self, part) if self.stateful else None for part in self.state]
        inputs = (xs, *self.params, *state)
        try:
            hs, *last, cache = self.forward_op(*inputs)
        except (TypeError, ValueError):  # mixed dtypes, a state of one row
            cache = None
        if cache is None:
            inputs = _of_one_dtype(xs, self.params, state)
            hs, *last, cache = self.forward_op(*inputs)
        for part, value in zip(self.state, last, strict=True):
            setattr(self, part, value)
        self.layers = _RecurrentSteps(self.cell, self.params, inputs, cache, hs.shape)
        return cast(hs, FLOAT32)

    def backward(self, dhs):
        """Fill the gradients and ``dh`` from dhs (N, T, H); returns dxs as float32."""
        steps = self.layers
        if type(steps) is not _RecurrentSteps or dhs.shape != steps.shape:
            return self._backward_by_step(dhs)
        dtype = steps.cache.xs.dtype
        fits = self.grads[0].dtype is dtype
        dxs, self.dh, *_, dWx, dWh, db = self.backward_op(
            cast(dhs, dtype), steps.cache, out=self.grads if fits else None
        )
        if not fits:
            fill(self.grads, (dWx, dWh, db))
        return cast(dxs, FLOAT32)

    def _backward_by_step(self, dhs):
        """Backward through self.layers, which an overridden forward has made."""
        N, T, H = dhs.shape
        dxs = np.empty((N, T, self.params[0].shape[0]), np.float32)
        totals = [0, 0, 0]
        carry = [0 for _ in self.state]
        for t in reversed(range(T)):
            step = self.layers[t]
            dxs[:, t], *carry = step.backward(dhs[:, t] + carry[0], *carry[1:])
            for k, grad in enumerate(step.grads):
                totals[k] += grad
        fill(self.grads, totals)
        self.dh = carry[0]
        return dxs

    def set_state(self, h):
        """Begin the next forward with h (never written); None means zero."""
        self.h = h

    def reset_state(self):
        """Begin the next forward with zero."""
        self.h = None


class TimeRNN(_TimeRecurrent):
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

    cell = RNN
    forward_op, backward_op = map(staticmethod, (recurrent.rnn, recurrent.rnn_backward))


class TimeLSTM(_TimeRecurrent):
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

    cell = LSTM
    state = ("h", "c")
    forward_op, backward_op = map(staticmethod, (recurrent.lstm, recurrent.lstm_backward))

    def set_state(self, h, c=None):
        """Begin the next forward with h and c (never written); None means zero."""
        self.h, self.c = h, c

    def reset_state(self):
        """Begin the next forward with zero."""
        self.h, self.c = None, None


class TimeGRU(_TimeRecurrent):
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

    cell = GRU
    forward_op, backward_op = map(staticmethod, (recurrent.gru, recurrent.gru_backward))


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
        out = look_up(self.W, labels("xs", xs))
        self.layers = _EmbeddingSteps(self.W, xs)
        return cast(out, FLOAT32)

    def backward(self, dout):
        """Fill the gradient of W from dout (N, T, D). Returns None."""
        N, T, D = dout.shape
        dW, steps = self.grads[0], self.layers
        if type(steps) is _EmbeddingSteps and steps.xs.shape == (N, T):
            add_up(dW, steps.xs, dout)
            return
        grad = 0
        for t in range(T):
            steps[t].backward(dout[:, t])
            grad += steps[t].grads[0]
        dW[...] = grad


class TimeAffine(Affine):
    """Matrix product and bias at every time step: x is (N, T, D), its product (N, T, M).

    Parameters
    ----------
    W : (D, M) ndarray
    b : (M,) ndarray
        Kept, not copied.
    """


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
        uniform, scale = np.random.random_sample(xs.shape), 1 / (1.0 - self.dropout_ratio)
        result = dropout_if_fit(xs, uniform, self.dropout_ratio, scale)
        if result is None:
            self.mask = np.multiply(uniform > self.dropout_ratio, scale, dtype=np.float32)
            return xs * self.mask
        out, self.mask = result
        return out

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
        if ts.ndim == 3:
            ts = ts.argmax(axis=2)
        ignore, wanted = self.ignore_label, self.train_flg
        result = softmax_cross_entropy_if_fit(xs, ts, ignore, 0.0, wanted)
        if result is None:
            xs = cast(xs, common_dtype(xs))
            result = ops.softmax_cross_entropy(
                xs, labels("ts", ts), ignore_label=ignore, need_grad=wanted
            )
        self.cache = _LossCache(xs, ts, ignore, *result)
        return result[0]

    def backward(self, dout=1):
        """Return the gradient of xs. A second call works on what the first has returned."""
        dx = self.cache.take_gradient() if type(self.cache) is _LossCache else None
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
        labels("ts", ts)
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
        self.xs_shape = xs.shape
        y = sigmoid(xs)
        self.layers = _SigmoidLossSteps(y, ts)
        return binary_cross_entropy(y, ts)

    def backward(self, dout=1):
        """Return the gradient of xs, as float32."""
        N, T = self.xs_shape
        if type(self.layers) is _SigmoidLossSteps:
            return cast((self.layers.y - self.layers.ts) * (dout / T / N), FLOAT32)
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
        ts = np.asarray(ts)  # a matrix keeps two axes, whatever it is reshaped to
        loss = layer.forward(xs.reshape(N * T, V), ts.reshape((N * T,) + ts.shape[2:]))
        self.cache = ([layer], xs)
        return loss

    def backward(self, dout=1):
        """Return the gradient of xs, as float32."""
        (layer,), xs = self.cache
        return cast(layer.backward(dout), FLOAT32).reshape(xs.shape)


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
        return cast(out, FLOAT32).reshape(N, T, -1)

    def backward(self, dout):
        """Return the gradient of xs, as float32, from dout (N, T, M)."""
        N, T, M = dout.shape
        (layer,) = self.layers
        dxs = layer.backward(dout.reshape(N * T, M))
        self.dW, self.db = layer.grads
        return cast(dxs, FLOAT32).reshape(N, T, -1)


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
    def __init__(self, cell, params, inputs, cache, shape):
        self.cell, self.params, self.inputs, self.cache = cell, params, inputs, cache
        self.shape, self.T = shape, shape[1]

    def make(self):
        xs, state = self.inputs[0], self.inputs[4:]
        zero = np.zeros((self.shape[0], self.shape[2]), xs.dtype)
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

    def __init__(self, scores, ts, ignore_label, loss, dscores):
        self.shape, self.ts, self.ignore_label = scores.shape, ts, ignore_label
        self.scores, self.dscores = scores, None
        if dscores is not None:
            self._keep(loss, dscores)

    def _keep(self, loss, dscores):
        self.dscores, self.flat, self.scores = dscores, dscores.reshape(-1, self.shape[2]), None
        if loss != loss and (self.ts == self.ignore_label).all():
            dscores.fill(np.nan)

    def take_gradient(self):
        """The gradient, once; None from then on."""
        if self.scores is not None:  # forward made the loss alone
            self._keep(
                *ops.softmax_cross_entropy(self.scores, self.ts, ignore_label=self.ignore_label)
            )
        dscores, self.dscores = self.dscores, None
        return dscores

    def __iter__(self):
        ts = self.ts.reshape(-1)
        mask = ts != self.ignore_label
        if self.take_gradient() is not None:
            self.flat *= mask.sum()  # back to probabilities (zero where ignored)
            self.flat[np.flatnonzero(mask), ts[mask]] += 1
        return iter((ts, self.flat, mask, self.shape))


# ---- helpers


def _alike(*arrays):
    """Whether the ops take all of them together: one dtype, float32 or float64."""
    return arrays[0].dtype.type in FLOATS and all(a.dtype == arrays[0].dtype for a in arrays)


def _of_one_dtype(x, params, state):
    """x, params and state as a recurrent op takes them; state is broadcast to the batch."""
    given = [part for part in state if part is not None]
    dtype, shape = common_dtype(x, *params, *given), (x.shape[0], params[1].shape[0])
    state = [None if part is None else np.broadcast_to(part, shape) for part in state]
    return tuple(part if part is None else cast(part, dtype) for part in (x, *params, *state))
