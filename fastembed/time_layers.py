"""Recurrent layers and layers over a time axis, with the API of *Deep Learning from Scratch 2*.

Shapes: ids xs (N, T), inputs xs (N, T, D), outputs hs (N, T, H). There is no loop over T in Python.
"""

from collections.abc import Callable, Iterator
from functools import partial
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastembed import ops
from fastembed._arrays import FLOAT32, cast, common_dtype, fill
from fastembed._check import as_array, no_mask
from fastembed._inputs import NOT_YET, Array, Scalar, integers
from fastembed.layers import *  # noqa: F403  (scripts expect every layer from here too)
from fastembed.layers import (
    Affine,
    Embedding,
    Function,
    Layer,
    SigmoidWithLoss,
    SoftmaxWithLoss,
    Steps,
    binary_cross_entropy,
    is_one,
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

Op = Callable[..., Any]


# ---- one time step


class _Cell(Layer):
    """What the layers of one step have in common: a row names the ops, which do the rest."""

    ops: tuple[Op, Op]  # forward and backward
    cache: Any = NOT_YET

    def __init__(self, Wx: Array, Wh: Array, b: Array) -> None:
        super().__init__(Wx, Wh, b)

    def _forward(self, x: Any, *state: Any) -> Any:
        """The new state."""
        inputs, result = [x, *state, *self.params], None
        try:
            result = self.ops[0](*inputs)
        except (TypeError, ValueError):  # mixed dtypes, a batch of one, lists
            x, *given = map(as_array, ("x", "h_prev", "c_prev"), (x, *state))
            N = max(x.shape[0], *(part.shape[0] for part in given if part.ndim))
            named = zip(("h_prev", "c_prev"), given, strict=False)
            x, *params = _of_one_dtype("x", _spread(x, (N, x.shape[1])), self.params, named)
            inputs = _unless_alike([x, *params[3:], *params[:3]], inputs)
        if result is None:
            result = self.ops[0](*inputs)
        *out, self.cache = result
        return tuple(out) if len(out) > 1 else out[0]

    def _backward(self, *gradients: Any) -> tuple[Array, ...]:
        """Gradients of the inputs from those of the outputs; a plain 0 stands for zeros."""
        given, result = [*gradients, *self.grads], None
        try:
            result = self.ops[1](*gradients, self.cache, out=self.grads)
        except (TypeError, ValueError):
            xs, shape = self.cache.xs, (self.cache.xs.shape[0], self.cache.Wh.shape[0])
            fitting = [cast(_spread(each, shape), xs.dtype) for each in gradients]
            _unless_alike([*fitting, *(cast(grad, xs.dtype) for grad in self.grads)], given)
        if result is None:
            result = self.ops[1](*fitting, self.cache)
            fill(self.grads, result[-3:])
        return tuple(result[:-3])


class _CellOfH(_Cell):
    """A cell whose state is h alone."""

    def forward(self, x: Array, h_prev: Array) -> Array:
        """Return h (N, H) from x (N, D) and h_prev (N, H)."""
        h: Array = self._forward(x, h_prev)
        return h

    def backward(self, dh_next: Array) -> tuple[Array, ...]:
        """Fill the gradients of the parameters; returns those of x and h_prev."""
        return self._backward(dh_next)


class RNN(_CellOfH):
    """One step of a plain recurrent network: ``h = tanh(x Wx + h_prev Wh + b)``.

    Parameters
    ----------
    Wx : (D, H) ndarray
    Wh : (H, H) ndarray
    b : (H,) ndarray
    """

    ops = recurrent.rnn_cell, recurrent.rnn_cell_backward


class LSTM(_Cell):
    """One step of an LSTM: ``c = f c_prev + g i``, ``h = o tanh(c)``; gates in the order f g i o.

    Wx is (D, 4H), Wh (H, 4H) and b (4H,).
    """

    ops = recurrent.lstm_cell, recurrent.lstm_cell_backward

    def forward(self, x: Array, h_prev: Array, c_prev: Array) -> tuple[Array, Array]:
        """Return h and c (N, H) from x (N, D), h_prev and c_prev (N, H)."""
        h, c = self._forward(x, h_prev, c_prev)
        return h, c

    def backward(self, dh_next: Array, dc_next: Array | float) -> tuple[Array, ...]:
        """Fill the gradients of the parameters; returns those of x, h_prev and c_prev."""
        return self._backward(dh_next, dc_next)


class GRU(_CellOfH):
    """One step of a GRU: ``h = (1 - z) h_prev + z h_hat``; gates in the order z r h_hat.

    Wx is (D, 3H), Wh (H, 3H) and b (3H,); with reset_after, b is (4H,), see `TimeGRU`.
    """

    ops = recurrent.gru_cell, recurrent.gru_cell_backward

    def __init__(self, Wx: Array, Wh: Array, b: Array, reset_after: bool = False) -> None:
        super().__init__(Wx, Wh, b)
        if reset_after:
            self.ops = recurrent.gru_reset_after_cell, recurrent.gru_reset_after_cell_backward

    def backward(self, dh_next: Array) -> tuple[Array, ...]:
        """Fill the gradients of the parameters; returns those of x and h_prev."""
        gradients = self._backward(dh_next)
        self.dWx, self.dWh, self.db = (grad.copy() for grad in self.grads)
        return gradients


# ---- sequences


class _TimeRecurrent(Layer):
    """What the recurrent layers have in common: a row names the cell, its ops and its state."""

    cell: Callable[..., Any]
    ops: tuple[Op, Op]  # forward and backward
    state: tuple[str, ...] = ("h",)
    layers: Any = NOT_YET
    h: Array | None = None
    dh: Array = NOT_YET

    def __init__(self, Wx: Array, Wh: Array, b: Array, stateful: bool = False) -> None:
        super().__init__(Wx, Wh, b)
        self.stateful = stateful

    def forward(self, xs: Array, lengths: ArrayLike | None = None) -> Array:
        """Return hs (N, T, H) as float32 from xs (N, T, D).

        Parameters
        ----------
        xs : (N, T, D) ndarray
        lengths : (N,) array_like of int, optional
            Steps of each sequence of a padded batch, in any order, from 0 to T. Steps beyond cost
            nothing: hs is zero there, and the state that stays is that at the end of each sequence.

        Raises
        ------
        ValueError
            If the batch has another size than the state that the last one left, or a length is
            not between 0 and T.
        """
        return cast(self._run(xs, lengths), FLOAT32)

    def backward(self, dhs: Array, dh_last: Array | None = None) -> Array:
        """Fill the gradients and ``dh`` from dhs (N, T, H); returns dxs as float32.

        dh_last (N, H) is the gradient of the state after the last step, beside that in dhs.
        """
        return cast(self._back(dhs, dh_last=dh_last), FLOAT32)

    def _run(self, xs: Array, lengths: ArrayLike | None = None, reverse: bool = False) -> Any:
        """Hs, of the dtype that it is computed in; reverse reads from each sequence's end."""
        state = [getattr(self, part) if self.stateful else None for part in self.state]
        inputs, result = [xs, *self.params, *state], None
        plain = lengths is None and not reverse
        options = {} if plain else {"lengths": lengths, "reverse": reverse}
        try:
            result = self.ops[0](*inputs, **options)
        except (TypeError, ValueError):  # mixed dtypes, a state of one row
            named = zip(self.state, state, strict=True)
            inputs = _unless_alike(_of_one_dtype("xs", xs, self.params, named), inputs)
        if result is None:
            result = self.ops[0](*inputs, **options)
        hs, *last, cache = result
        for part, value in zip(self.state, last, strict=True):
            setattr(self, part, value)
        kept = self.cell, self.params, inputs, options, hs.shape, cache
        self.layers = Steps(_cells, hs.shape[1], *kept)
        return hs

    def _back(self, dhs: Array, **last: Array | None) -> Any:
        """Dxs, of the dtype that it is computed in; last: the gradients of the last state."""
        options, shape, cache = self.layers.kept[-3:] if type(self.layers) is Steps else 3 * [None]
        if cache is None or (dhs.shape != shape and not options):
            return self._backward_by_step(dhs, *last.values())
        dtype, fits = cache.xs.dtype, self.grads[0].dtype is cache.xs.dtype
        given = {name: cast(part, dtype) for name, part in last.items() if part is not None}
        out = self.grads if fits else None
        dxs, *dstate = self.ops[1](cast(dhs, dtype), cache, out=out, **given)
        if not fits:
            fill(self.grads, dstate[-3:])
        for part, value in zip(self.state, dstate, strict=False):
            setattr(self, f"d{part}", value)
        return dxs

    def _backward_by_step(self, dhs: Array, *last: Array | None) -> Array:
        """Backward through self.layers, which an overridden forward has made."""
        N, T, H = dhs.shape
        dxs = np.empty((N, T, self.params[0].shape[0]), np.float32)
        totals: list[Any] = [0, 0, 0]
        carry: list[Any] = [0 if part is None else part for part in last]
        for t in reversed(range(T)):
            step = self.layers[t]
            dxs[:, t], *carry = step.backward(dhs[:, t] + carry[0], *carry[1:])
            for k, grad in enumerate(step.grads):
                totals[k] += grad
        fill(self.grads, totals)
        self.dh = carry[0]
        return dxs

    def set_state(self, h: Array | None) -> None:
        """Begin the next forward with h (never written); None means zero."""
        self.h = h

    def reset_state(self) -> None:
        """Begin the next forward with zero."""
        for part in self.state:
            setattr(self, part, None)


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
    ops = recurrent.rnn, recurrent.rnn_backward


class TimeLSTM(_TimeRecurrent):
    """An LSTM over T steps: `TimeRNN` with Wx (D, 4H), Wh (H, 4H) and b (4H,).

    Attributes
    ----------
    h, c : (N, H) ndarray or None
        State after the last step, new arrays at each forward.
    dh, dc : (N, H) ndarray or None
        Gradients of the initial state, after backward.
    """

    cell = LSTM
    state = ("h", "c")
    ops = recurrent.lstm, recurrent.lstm_backward

    c: Array | None = None
    dc: Array = NOT_YET

    def backward(
        self, dhs: Array, dh_last: Array | None = None, dc_last: Array | None = None
    ) -> Array:
        """Fill the gradients, ``dh`` and ``dc`` from dhs (N, T, H); returns dxs as float32.

        dh_last and dc_last (N, H) are gradients of the state after the last step, dh_last beside
        that in dhs.
        """
        return cast(self._back(dhs, dh_last=dh_last, dc_last=dc_last), FLOAT32)

    def set_state(self, h: Array | None, c: Array | None = None) -> None:
        """Begin the next forward with h and c (never written); None means zero."""
        self.h, self.c = h, c


class TimeGRU(_TimeRecurrent):
    """A GRU over T steps: `TimeRNN` with Wx (D, 3H), Wh (H, 3H) and b (3H,).

    Parameters
    ----------
    reset_after : bool
        Reset after the product with Wh, as cuDNN, PyTorch and Keras do: h_hat is tanh of
        ``x Wx + b + r (h_prev Wh + b')``, where b' is the last quarter of b (4H,).
    """

    cell: Callable[..., Any] = GRU
    ops = recurrent.gru, recurrent.gru_backward

    def __init__(
        self, Wx: Array, Wh: Array, b: Array, stateful: bool = False, reset_after: bool = False
    ) -> None:
        super().__init__(Wx, Wh, b, stateful)
        if reset_after:
            self.ops = recurrent.gru_reset_after, recurrent.gru_reset_after_backward
            self.cell = partial(GRU, reset_after=True)


class TimeBiLSTM(Layer):
    """Two of `TimeLSTM` side by side: the first reads xs forwards, the second backwards."""

    def __init__(
        self,
        Wx1: Array,
        Wh1: Array,
        b1: Array,
        Wx2: Array,
        Wh2: Array,
        b2: Array,
        stateful: bool = False,
    ) -> None:
        self.forward_lstm = TimeLSTM(Wx1, Wh1, b1, stateful)
        self.backward_lstm = TimeLSTM(Wx2, Wh2, b2, stateful)
        self.params = self.forward_lstm.params + self.backward_lstm.params
        self.grads = self.forward_lstm.grads + self.backward_lstm.grads

    def forward(self, xs: Array, lengths: ArrayLike | None = None) -> Array:
        """Return (N, T, 2H) from xs (N, T, D); lengths as in `TimeRNN`: backwards from each end."""
        there = self.forward_lstm.forward(xs, lengths)
        back = cast(self.backward_lstm._run(xs, lengths, reverse=True), FLOAT32)
        return np.concatenate((there, back), axis=2)

    def backward(self, dhs: Array) -> Array:
        """Fill the gradients from dhs (N, T, 2H); returns dxs."""
        front, back = np.split(dhs, 2, axis=2)
        dxs = self.backward_lstm.backward(back)  # first: it refuses what is of another shape
        dxs += self.forward_lstm.backward(front)
        return dxs


# ---- the other layers over a time axis


class TimeEmbedding(Embedding):
    """`Embedding` of a batch of sequences, with the same options."""

    layers: Any = NOT_YET

    def __init__(self, W: Array, **options: Any) -> None:
        super().__init__(W, **options)
        self.W = W

    def forward(self, xs: Array) -> Array:
        """Look up ids (N, T), an integer array; returns (N, T, D) as float32.

        Raises
        ------
        AttributeError
            If xs is not an array. Other errors are those of `Embedding`.
        """
        N, T = integers("xs", xs).shape
        out = self._look_up(self.W, xs)
        self.layers = Steps(_embeddings, T, self.W, xs)
        return cast(out, FLOAT32)

    def backward(self, dout: Array) -> None:
        """Fill the gradient of W from dout (N, T, D)."""
        N, T, D = dout.shape
        steps = self.layers
        if steps is None or (type(steps) is Steps and steps.kept[1].shape == (N, T)):
            super().backward(dout)
            return
        total: Any = 0
        for t in range(T):  # layers that an overridden forward has made
            steps[t].backward(dout[:, t])
            total += steps[t].grads[0]
        self.grads[0][...] = total


class TimeAffine(Affine):
    """`Affine` at every time step: x is (N, T, D), its product (N, T, H)."""


class TimeDropout(Function):
    """`Dropout` that scales up the rest in training, instead of scaling down otherwise.

    Parameters
    ----------
    dropout_ratio : float
    variational : bool
        Drop the same entries at all time steps (Gal and Ghahramani, 2016).

    Attributes
    ----------
    train_flg : bool
        Set it to False and xs passes unchanged.
    """

    mask: Array = NOT_YET

    variational = False

    def __init__(self, dropout_ratio: float = 0.5, variational: bool = False) -> None:
        super().__init__()
        self.dropout_ratio = dropout_ratio
        self.train_flg = True
        self.variational = variational

    def forward(self, xs: Array) -> Array:
        """Return xs with dropped entries."""
        if not self.train_flg:
            return xs
        draw, scale = np.random.random_sample, 1 / (1.0 - self.dropout_ratio)
        result = None if self.variational else dropout_if_fit(xs, draw, self.dropout_ratio, scale)
        if result is None:
            no_mask(xs=xs)
            shape = (xs.shape[0], 1, *xs.shape[2:]) if self.variational else xs.shape
            mask = np.multiply(draw(shape) > self.dropout_ratio, scale, dtype=np.float32)
            result = xs * mask, mask
        out, self.mask = result
        return out

    def backward(self, dout: Array) -> Array:
        """Return the gradient of xs."""
        return dout * self.mask


class TimeSoftmaxWithLoss(Function):
    """Softmax and mean cross-entropy at every time step.

    Parameters
    ----------
    label_smoothing : float
        This share of the loss is the mean over all labels instead (arXiv:1512.00567).

    Attributes
    ----------
    ignore_label : int
        Labels of this value (-1) count for nothing; if all are, the loss is NaN.
    train_flg : bool
        Set it to False and forward makes no gradient, and nothing is smoothed; a backward that
        comes nevertheless does.
    """

    cache: Any = NOT_YET
    ignore_label = -1
    label_smoothing = 0.0
    train_flg = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, xs: Array, ts: Array) -> Scalar:
        """Return the loss of scores xs (N, T, V) and labels ts (N, T) or one-hot (N, T, V).

        Raises
        ------
        IndexError
            If a label is outside [-V, V) or not an integer.
        """
        if ts.ndim == 3:
            ts = ts.argmax(axis=2)
        ignore, wanted = self.ignore_label, self.train_flg
        smoothing = self.label_smoothing if wanted else 0.0
        result = softmax_cross_entropy_if_fit(xs, ts, ignore, 0.0, wanted, smoothing)
        if result is None:
            no_mask(xs=xs)
            xs, ts = cast(xs, common_dtype(xs)), integers("ts", ts)
            result = ops.softmax_cross_entropy(
                xs, ts, ignore_label=ignore, need_grad=wanted, label_smoothing=smoothing
            )
        self.cache = _LossCache(xs, ts, ignore, smoothing, *result)
        return result[0]

    def backward(self, dout: float = 1) -> Array:
        """Return the gradient of xs. A second call works on what the first has returned."""
        dxs: Array | None = None
        if type(self.cache) is _LossCache:
            dxs = self.cache.take_gradient()
        if dxs is None:
            ts, dx, mask, (N, T, V) = self.cache
            smoothing = getattr(self.cache, "label_smoothing", self.label_smoothing)
            dx[np.arange(N * T), ts] -= 1 - smoothing
            if smoothing:
                dx -= smoothing / V
            dx /= mask.sum()
            dx *= mask[:, np.newaxis]
            dxs = dx.reshape((N, T, V))
        if not is_one(dout):
            dxs *= dout
        return dxs


class TimeAffineSoftmaxWithLoss(Layer):
    """`TimeAffine` and `TimeSoftmaxWithLoss` in one: the scores of all words never exist at once.

    W is (D, V), b (V,); ``ignore_label`` and label_smoothing are those of `TimeSoftmaxWithLoss`.
    """

    cache: Any = NOT_YET
    ignore_label = -1
    label_smoothing = 0.0

    def __init__(self, W: Array, b: Array, label_smoothing: float = 0.0) -> None:
        super().__init__(W, b)
        self.label_smoothing = label_smoothing

    @classmethod
    def of(cls, affine: Affine) -> "TimeAffineSoftmaxWithLoss":
        """A layer that shares the parameters and gradients of a TimeAffine layer."""
        layer = cls.__new__(cls)
        layer.params, layer.grads = affine.params, affine.grads
        return layer

    def forward(self, xs: Array, ts: Array) -> Scalar:
        """Return the loss of ``softmax(xs @ W + b)``, xs (N, T, D), and labels ts (N, T).

        The gradients are made here, with the loss, in memory of this layer's own. Errors are those
        of `TimeSoftmaxWithLoss`.
        """
        no_mask(xs=xs)
        ts = integers("ts", ts.argmax(axis=2) if ts.ndim == 3 else ts)
        dtype, ignore = common_dtype(xs, *self.params), self.ignore_label
        xs, W, b = (cast(array, dtype) for array in (xs, *self.params))
        made, self.cache = self._gradients_like(W, b), None
        loss, dxs, *made = ops.linear_cross_entropy(
            xs, W, b, ts, ignore_label=ignore, out=made, label_smoothing=self.label_smoothing
        )
        if np.isnan(loss) and (ts == ignore).all():
            for gradient in (dxs, *made):
                gradient.fill(np.nan)
        self.cache = (dxs, *made)
        return loss

    def backward(self, dout: float = 1) -> Array:
        """Fill the gradients of W and b; returns that of xs."""
        gradient, *made = self.cache
        scale = gradient.dtype.type(dout)
        for grad, value in zip(self.grads, made, strict=True):
            np.multiply(value, scale, out=grad, casting="same_kind")
        dxs: Array = gradient * scale
        return dxs

    def _gradients_like(self, W: Array, b: Array) -> Any:
        """Arrays for the gradients of W and b: those of the last forward, if they fit."""
        if self.cache is not None:
            _, *made = self.cache
            if made[0].shape == W.shape and made[0].dtype == W.dtype:
                return made
        return [np.empty_like(W), np.empty_like(b)]


class TimeSigmoidWithLoss(Function):
    """Sigmoid and binary cross-entropy of scores xs (N, T) and labels ts (N, T), 0 or 1."""

    xs_shape: Any = NOT_YET
    layers: Any = NOT_YET

    def forward(self, xs: Array, ts: Array) -> Scalar:
        """Return the loss, mean over the batch and over time."""
        y = sigmoid(xs)
        loss = binary_cross_entropy(y, ts)
        self.layers, self.xs_shape = Steps(_sigmoid_losses, xs.shape[1], y, ts), xs.shape
        return loss

    def backward(self, dout: float = 1) -> Array:
        """Return the gradient of xs, as float32."""
        N, T = self.xs_shape
        if type(self.layers) is Steps:
            y, ts = self.layers.kept
            return cast((y - ts) * (dout / T / N), FLOAT32)
        dxs = np.empty(self.xs_shape, np.float32)
        for t in range(T):  # layers that an overridden forward has made
            dxs[:, t] = self.layers[t].backward(dout * (1 / T))
        return dxs


class Simple_TimeSoftmaxWithLoss(SoftmaxWithLoss):
    """Softmax and mean cross-entropy at every time step; every label counts."""

    def forward(self, xs: Array, ts: Array) -> Scalar:
        """Return the loss of scores xs (N, T, V) and labels ts (N, T) or one-hot (N, T, V)."""
        N, T, V = xs.shape
        ts = as_array("ts", ts)  # a matrix keeps two axes, whatever it is reshaped to
        loss = super().forward(xs.reshape(N * T, V), ts.reshape(N * T, *ts.shape[2:]))
        self.shape = N, T, V
        return loss

    def backward(self, dout: float = 1) -> Array:
        """Return the gradient of xs, as float32."""
        return cast(super().backward(dout), FLOAT32).reshape(self.shape)


class Simple_TimeAffine:
    """`TimeAffine` whose gradients are in ``dW`` and ``db``."""

    dW: Array = NOT_YET
    db: Array = NOT_YET
    layers: Any = NOT_YET

    def __init__(self, W: Array, b: Array) -> None:
        self.W, self.b = W, b

    def forward(self, xs: Array) -> Array:
        """Return ``xs @ W + b``, (N, T, M), as float32 from xs (N, T, D)."""
        layer = Affine(self.W, self.b)
        hs, self.layers = cast(layer.forward(xs), FLOAT32), [layer]
        return hs

    def backward(self, dout: Array) -> Array:
        """Return the gradient of xs, as float32, from dout (N, T, M)."""
        (layer,) = self.layers
        dxs = layer.backward(dout)
        self.dW, self.db = layer.grads
        return cast(dxs, FLOAT32)


# ---- layers of single steps


def _cells(cell: Any, params: Any, inputs: Any, options: Any, shape: Any, cache: Any) -> list[Any]:
    xs, state, (N, T, H) = inputs[0], inputs[4:], shape
    zero = np.zeros((N, H), xs.dtype)
    state = tuple(zero if part is None else part for part in state)
    lengths = options.get("lengths")
    lengths = np.full(N, T) if lengths is None else np.asarray(lengths)
    layers = []
    for t in range(T):
        layer = cell(*params)
        there = lengths > t  # the other rows are computed with them, for nothing
        x = xs[np.arange(N), np.where(there, lengths - 1 - t if options.get("reverse") else t, 0)]
        new = layer.forward(x, *state)
        new = new if isinstance(new, tuple) else (new,)
        state = tuple(map(partial(np.where, there[:, np.newaxis]), new, state))
        layers.append(layer)
    return layers


def _embeddings(W: Array, xs: Array) -> list[Embedding]:
    layers = [Embedding(W) for _ in range(xs.shape[1])]
    for t, layer in enumerate(layers):
        layer.idx = xs[:, t]
    return layers


def _sigmoid_losses(y: Array, ts: Array) -> list[SigmoidWithLoss]:
    layers = [SigmoidWithLoss() for _ in range(y.shape[1])]
    for t, layer in enumerate(layers):
        layer.y, layer.t = y[:, t], ts[:, t]
    return layers


class _LossCache:
    """The gradient that forward made; unpacked, it is labels, probabilities, mask and shape."""

    def __init__(
        self,
        scores: Any,
        ts: Array,
        ignore_label: int,
        label_smoothing: float,
        loss: Scalar,
        dscores: Any,
    ) -> None:
        self.shape, self.ts, self.ignore_label = scores.shape, ts, ignore_label
        self.label_smoothing = label_smoothing
        self.scores, self.dscores = scores, None
        if dscores is not None:
            self._keep(loss, dscores)

    def _keep(self, loss: Scalar, dscores: Any) -> None:
        self.dscores, self.flat, self.scores = dscores, dscores.reshape(-1, self.shape[2]), None
        if loss != loss and (self.ts == self.ignore_label).all():
            dscores.fill(np.nan)

    def take_gradient(self) -> Any:
        """The gradient, once; None from then on."""
        if self.scores is not None:  # forward made the loss alone
            self._keep(
                *ops.softmax_cross_entropy(self.scores, self.ts, ignore_label=self.ignore_label)
            )
        dscores, self.dscores = self.dscores, None
        return dscores

    def __iter__(self) -> Iterator[Any]:
        ts = self.ts.reshape(-1)
        mask = ts != self.ignore_label
        if self.take_gradient() is not None:
            self.flat *= mask.sum()  # back to probabilities (zero where ignored)
            self.flat[np.flatnonzero(mask), ts[mask]] += 1 - self.label_smoothing
            if self.label_smoothing:
                self.flat[mask] += self.label_smoothing / self.shape[2]
        return iter((ts, self.flat, mask, self.shape))


# ---- arrays of other dtypes


def _spread(array: Any, shape: tuple[int, ...]) -> Array:
    """What np.broadcast_to gives; the array itself if it has that shape."""
    return array if getattr(array, "shape", None) == shape else np.broadcast_to(array, shape)


def _unless_alike(fitting: Any, given: list[Any]) -> list[Any]:
    """Arrays made fit for an op that has refused the given ones; its error, if they are the same.

    So is what a signal handler raises, whatever its class.
    """
    if all(map(is_, fitting, given)):
        raise
    return list(fitting)


def _of_one_dtype(name: str, x: Array, params: list[Array], state: Any) -> tuple[Any, ...]:
    """X, params and state (pairs of name and array or None) as a recurrent op takes them."""
    no_mask(**{name: x})
    given = list(state)
    dtype = common_dtype(x, *params, *(part for _, part in given if part is not None))
    found = []
    for which, part in given:
        if part is not None:
            no_mask(**{which: part})
            width = params[2].shape[0] // 4 if which[0] == "c" else params[1].shape[0]
            shape = x.shape[0], width
            try:
                part = cast(_spread(part, shape), dtype)
            except ValueError:
                raise ValueError(
                    f"{which} has shape {part.shape}, a batch of {shape[0]} needs {shape}: "
                    "call reset_state() before a batch of another size"
                ) from None
        found.append(part)
    return *(cast(array, dtype) for array in (x, *params)), *found
