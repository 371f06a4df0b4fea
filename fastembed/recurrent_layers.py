"""Recurrent layers on top of each other, with the options of ``torch.nn``'s LSTM, GRU and RNN.

Shapes: inputs xs (N, T, D), outputs hs (N, T, F), states (layers · directions, N, H): first layer
forwards, first layer backwards, second layer forwards. F is 2H if they are bidirectional, else H;
with a projection P stands for H in hs and h. Arrays keep their dtype.
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastembed import ops
from fastembed._arrays import affine, cast, fill
from fastembed._check import as_array, integer, own, shape
from fastembed._inputs import NOT_YET, Array
from fastembed.layers import Layer
from fastembed.time_layers import TimeDropout, TimeGRU, TimeLSTM, TimeRNN, _of_one_dtype

__all__ = ["StackedGRU", "StackedLSTM", "StackedRNN"]


class _Stacked(Layer):
    """What the stacks have in common: a row has the gates, and makes one layer of parameters."""

    gates: int
    biases = 0  # if there are more of them than gates
    projected = 0  # the size of h, if it is not H
    _single: Callable[..., Any]
    train_flg = True
    _ran = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        stateful: bool = False,
        dtype: DTypeLike = np.float32,
    ) -> None:
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        for name, size in sizes.items():
            if integer(name, size) < 1:
                raise ValueError(f"{name} must be at least 1, got {size!r}")
        if not 0 <= self.projected < hidden_size:
            raise ValueError(
                f"proj_size must be in [0, {hidden_size}), below hidden_size, got {self.projected}"
            )
        H, directions, bound = hidden_size, 1 + bidirectional, hidden_size**-0.5
        P, G = self.projected or H, self.gates * H
        shapes: list[tuple[int, ...]] = []
        for k in range(num_layers * directions):
            width = input_size if k < directions else P * directions
            shapes += [(width, G), (P, G), ((self.biases or self.gates) * H,)]
            shapes += [(H, P)] if self.projected else []
        params = [np.random.uniform(-bound, bound, shape).astype(dtype) for shape in shapes]
        self._build(params, bidirectional, dropout, variational, stateful)

    @classmethod
    def from_params(
        cls,
        params: Sequence[Array],
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        stateful: bool = False,
    ) -> Self:
        """A stack of given parameters, in the order of ``params``, which are kept, not copied.

        Raises
        ------
        ValueError
            If they are not those of a number of layers, or dropout is not in [0, 1).
        """
        stack = cls.__new__(cls)
        stack._build(list(params), bidirectional, dropout, variational, stateful)
        return stack

    def _build(
        self,
        params: list[Array],
        bidirectional: bool,
        dropout: float,
        variational: bool,
        stateful: bool,
    ) -> None:
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and less than 1, got {dropout!r}")
        self.bidirectional, self.dropout = bool(bidirectional), dropout
        runs = sum(np.ndim(param) == 1 for param in params)  # biases
        each = len(params) // runs if runs else 0
        if not runs or runs * each != len(params) or runs % (1 + self.bidirectional):
            raise ValueError(
                "params must be those of each layer"
                f"{' and direction' * self.bidirectional}, got {len(params)} arrays"
            )
        self.layers = [
            self._single(*params[k : k + each], stateful) for k in range(0, len(params), each)
        ]
        self.params = [param for layer in self.layers for param in layer.params]
        self.grads = [grad for layer in self.layers for grad in layer.grads]
        self.num_layers = runs // (1 + self.bidirectional)
        self.dropouts = [TimeDropout(dropout, variational) for _ in range(self.num_layers - 1)]

    def _level(self, k: int) -> list[Any]:
        """The layers of a level: forwards, and backwards if there is one."""
        directions = 1 + self.bidirectional
        return self.layers[k * directions : (k + 1) * directions]

    def forward(self, xs: Array, lengths: ArrayLike | None = None) -> Array:
        """Return hs (N, T, F) from xs (N, T, D).

        Parameters
        ----------
        xs : (N, T, D) ndarray
        lengths : (N,) array_like of int, optional
            Steps of each sequence of a padded batch, in any order, from 0 to T: hs is zero beyond.

        Raises
        ------
        ValueError
            If a shape does not fit, or a length is not between 0 and T.
        """
        xs = as_array("xs", xs)
        for k in range(self.num_layers):
            if k and self.dropout:
                self.dropouts[k - 1].train_flg = self.train_flg
                xs = self.dropouts[k - 1].forward(xs)
            outs = [layer._run(xs, lengths, bool(d)) for d, layer in enumerate(self._level(k))]
            xs = np.concatenate(outs, axis=2) if len(outs) > 1 else outs[0]
        self._ran = True
        return xs

    def backward(self, dhs: Array, dh_last: Array | None = None) -> Array:
        """Fill the gradients and ``dh`` from dhs (N, T, F); returns dxs.

        dh_last is the gradient of the state after the last step, beside that in dhs.
        """
        return self._backward(dhs, dh_last=dh_last)

    def _backward(self, dhs: Array, **last: Array | None) -> Array:
        if not self._ran:
            raise RuntimeError(f"{type(self).__name__}.backward needs a forward before it")
        for name, state in last.items():
            if state is not None:
                self._check(name, state)
        place = len(self.layers)
        for k in reversed(range(self.num_layers)):
            level = self._level(k)
            place -= len(level)
            parts = []
            for d, (layer, part) in enumerate(
                zip(level, np.split(dhs, len(level), axis=2), strict=True)
            ):
                given = {name: None if g is None else g[place + d] for name, g in last.items()}
                parts.append(layer._back(part, **given))
            dhs = parts[0] if len(parts) == 1 else parts[0] + parts[1]
            if k and self.dropout and self.dropouts[k - 1].train_flg:
                dhs = self.dropouts[k - 1].backward(dhs)
        return dhs

    def set_state(self, h: Array | None) -> None:
        """Begin the next forward of a stateful stack with h (never written); None means zero."""
        self._set(h=h)

    def reset_state(self) -> None:
        """Begin the next forward with zero."""
        for layer in self.layers:
            layer.reset_state()

    @property
    def h(self) -> Array | None:
        """State after the last step of each layer and direction."""
        return self._states("h")

    @property
    def dh(self) -> Array | None:
        """Gradient of the initial state, after backward."""
        return self._states("dh")

    def _check(self, name: str, state: Array) -> None:
        """Refuse a state, or a gradient of one, of another shape."""
        Wx, Wh, *_ = self.params
        width = len(Wh) if "h" in name else Wx.shape[1] // self.gates
        expected = len(self.layers), *own(name, state).shape[1:2], width
        shape(name, state, expected, "(layers x directions, N, H)")

    def _set(self, **states: Array | None) -> None:
        for name, state in states.items():
            if state is not None:
                self._check(name, state)
        for name, state in states.items():
            for k, layer in enumerate(self.layers):
                setattr(layer, name, None if state is None else state[k])

    def _states(self, name: str) -> Array | None:
        states = [getattr(layer, name) for layer in self.layers]
        return None if any(state is None for state in states) else np.stack(states)


class StackedRNN(_Stacked):
    """`TimeRNN` on top of each other, as ``torch.nn.RNN``.

    Parameters
    ----------
    input_size, hidden_size : int
        D and H.
    num_layers : int
    bidirectional : bool
        Each layer reads forwards and backwards; both outputs side by side go on.
    dropout : float
        Share of the outputs of each layer but the last that is dropped in training.
    variational : bool
        Drop the same outputs at all time steps: see `TimeDropout`.
    stateful : bool
        Begin each forward with the last state instead of zero.
    dtype : dtype
        Of the parameters: uniform in ± 1 / sqrt(H), from ``np.random``.

    Attributes
    ----------
    params, grads : list of ndarray
        Of each layer, and in it of each direction: Wx, Wh, b, as in `TimeRNN`.
    train_flg : bool
        Set it to False and nothing is dropped.
    """

    gates = 1

    def _single(self, Wx: Array, Wh: Array, b: Array, stateful: bool) -> TimeRNN:
        return TimeRNN(Wx, Wh, b, stateful)


class StackedGRU(_Stacked):
    """`TimeGRU` on top of each other, as ``torch.nn.GRU``: options of `StackedRNN`, and:

    Parameters
    ----------
    reset_after : bool
        The formula of PyTorch, with b (4H,): see `TimeGRU`.
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        reset_after: bool = False,
        **options: Any,
    ) -> None:
        self.biases = 3 + reset_after
        super().__init__(input_size, hidden_size, num_layers, **options)

    def _single(self, Wx: Array, Wh: Array, b: Array, stateful: bool) -> TimeGRU:
        return TimeGRU(Wx, Wh, b, stateful, reset_after=b.shape[0] > Wh.shape[1])


class StackedLSTM(_Stacked):
    """`TimeLSTM` on top of each other, as ``torch.nn.LSTM``: options of `StackedRNN`, and:

    Parameters
    ----------
    proj_size : int
        P < H, if not 0: h is projected from H to so many numbers (Sak et al., 2014). ``params``
        have a fourth array then, Wp (H, P); Wh is (P, 4H), h and hs have P for H. ``dh`` is there
        only if forward began with a state.
    """

    gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        proj_size: int = 0,
        **options: Any,
    ) -> None:
        self.projected = integer("proj_size", proj_size)
        super().__init__(input_size, hidden_size, num_layers, **options)

    def _single(self, *arguments: Any) -> TimeLSTM:
        return (_ProjectedLSTM if len(arguments) == 5 else TimeLSTM)(*arguments)

    def backward(
        self, dhs: Array, dh_last: Array | None = None, dc_last: Array | None = None
    ) -> Array:
        """Fill the gradients, ``dh`` and ``dc`` from dhs (N, T, F); returns dxs.

        dh_last and dc_last are gradients of the state after the last step, dh_last beside that in
        dhs.
        """
        return self._backward(dhs, dh_last=dh_last, dc_last=dc_last)

    def set_state(self, h: Array | None, c: Array | None = None) -> None:
        """Begin the next forward of a stateful stack with h and c (never written); None: zero."""
        self._set(h=h, c=c)

    @property
    def c(self) -> Array | None:
        """As h."""
        return self._states("c")

    @property
    def dc(self) -> Array | None:
        """As dh."""
        return self._states("dc")


class _ProjectedLSTM(TimeLSTM):
    """An LSTM whose h is m Wp, m = o tanh(c): one without Wp whose h is m and whose Wh is Wp Wh."""

    kept: Any = NOT_YET
    dh: Any = NOT_YET

    def __init__(self, Wx: Array, Wh: Array, b: Array, Wp: Array, stateful: bool = False) -> None:
        Layer.__init__(self, Wx, Wh, b, Wp)
        self.stateful = stateful

    def _run(self, xs: Array, lengths: ArrayLike | None = None, reverse: bool = False) -> Any:
        state = [(part, getattr(self, part) if self.stateful else None) for part in self.state]
        xs, Wx, Wh, b, Wp, h0, c0 = _of_one_dtype("xs", xs, self.params, state)
        dtype = xs.dtype
        first = None
        if h0 is not None:  # it reaches the first step as more of that step's input
            N, T, _ = xs.shape
            ends = np.full(N, T) if lengths is None else np.array(lengths, np.int64)
            first = np.arange(N), np.maximum(ends - 1, 0) if reverse else np.zeros(N, int)
            more = np.zeros((N, T, h0.shape[1]), dtype)
            if T:
                more[first] = h0
            xs, Wx = np.concatenate((xs, more), axis=2), np.concatenate((Wx, Wh))
        G = ops.matmul(Wp, Wh)
        ms, m, self.c, cache = ops.lstm(xs, Wx, G, b, None, c0, lengths=lengths, reverse=reverse)
        self.h = ops.matmul(m, Wp)
        if h0 is not None and (ends == 0).any():
            self.h[ends == 0] = h0[ends == 0]
        self.kept = ms, m, first, ends == 0 if first else None, cache
        return affine(ms, Wp)

    def _back(self, dhs: Array, **last: Array | None) -> Any:
        ms, m, first, empty, cache = self.kept
        dtype, H = ms.dtype, ms.shape[2]
        _, Wh, _, Wp = (cast(param, dtype) for param in self.params)
        dhs, (dh_last, dc_last) = cast(dhs, dtype), last.values()
        P = dhs.shape[2]
        dWp = ops.matmul(ms.reshape(-1, H).T, dhs.reshape(-1, P))
        dm_last = None
        if dh_last is not None:
            dh_last = cast(dh_last, dtype)
            dWp += ops.matmul(m.T, dh_last)
            dm_last = ops.matmul(dh_last, Wp.T)
        dxs, _, self.dc, dWx, dG, db = ops.lstm_backward(
            affine(dhs, Wp.T), cache, dh_last=dm_last,
            dc_last=None if dc_last is None else cast(dc_last, dtype),
        )  # fmt: skip
        dWh = ops.matmul(Wp.T, dG)
        dWp += ops.matmul(dG, Wh.T)
        self.dh = None
        if first is not None:
            D = dxs.shape[2] - P
            self.dh = dxs[first][:, D:] if dxs.shape[1] else np.zeros_like(m, shape=(len(m), P))
            if dh_last is not None:
                self.dh[empty] = dh_last[empty]
            dxs, dWh, dWx = dxs[:, :, :D].copy(), dWh + dWx[D:], dWx[:D]
        fill(self.grads, (dWx, dWh, db, dWp))
        return dxs
