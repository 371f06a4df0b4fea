"""Optimizers with the book's formulas: ``update(params, grads)`` changes params in place.

Those for row-sparse gradients (`fastembed.sparse`) step the rows that a gradient has, in the time
of these; arrays among the gradients they step as a whole.
"""

from typing import Any

import numpy as np

from fastembed import _gradients
from fastembed._check import number
from fastembed._inputs import Array
from fastembed.ops.optim import adam_rate, step_all_if_fit
from fastembed.sparse import Frozen, RowSparse

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "LazyAdam",
    "Momentum",
    "Nesterov",
    "RMSprop",
    "RowWiseAdaGrad",
    "SGD",
    "SparseAdaGrad",
    "SparseMomentum",
    "SparseSGD",
    "np",
]


class _Optimizer:
    """A row names the op, the numbers that it takes, and the lists of arrays that it keeps."""

    op = ""
    numbers: tuple[str, ...] = ("lr",)
    states: tuple[str, ...] = ()
    by_rows = False  # a row without a gradient stays as it is: row-sparse gradients are taken
    instead = "to_dense() makes an array of it"

    def update(self, params: list[Array], grads: list[Any]) -> None:
        """Change each param in place by its gradient; nothing is changed if one is refused."""
        numbers = self._begin()
        lists = params, grads, *[getattr(self, name) for name in self.states]
        if step_all_if_fit(self.op, lists, numbers):
            return
        states = {
            name: [self._state(param) for param in params] if arrays is None else arrays
            for name, arrays in zip(self.states, lists[2:], strict=True)
        }
        _gradients.check(params, grads, states, self._refuse)
        for name, arrays in states.items():
            setattr(self, name, arrays)
        _gradients.step(self.op, (params, grads, *states.values()), numbers)

    def _begin(self) -> tuple[float, ...]:
        """The numbers that the op takes in this update."""
        return tuple([number(name, getattr(self, name)) for name in self.numbers])

    def _refuse(self, grad: Any) -> None:
        if not self.by_rows and isinstance(grad, RowSparse) and len(grad.rows):
            name = type(self).__name__
            raise TypeError(f"{name} steps all rows, a RowSparse has some: {self.instead}")

    def _state(self, param: Array) -> Array:
        """Zeros like param; of a large one no memory is touched before it is needed."""
        plain = self.by_rows and type(param) is np.ndarray and param.flags.c_contiguous
        return np.zeros(param.shape, param.dtype) if plain else np.zeros_like(param)


class SGD(_Optimizer):
    """Gradient descent: ``param -= lr * grad``."""

    op, by_rows = "sgd", True

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr


class Momentum(_Optimizer):
    """Gradient descent with momentum: ``v = momentum * v - lr * grad; param += v``."""

    op, numbers, states = "momentum", ("lr", "momentum"), ("v",)
    instead = "SparseMomentum takes it"

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr = lr
        self.momentum = momentum
        self.v: list[Array] | None = None


class Nesterov(Momentum):
    """Nesterov's accelerated gradient (arXiv:1212.0901)."""

    op, instead = "nesterov", _Optimizer.instead


class AdaGrad(_Optimizer):
    """AdaGrad: ``h += grad**2; param -= lr * grad / (sqrt(h) + 1e-7)``."""

    op, states, by_rows = "adagrad", ("h",), True

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr
        self.h: list[Array] | None = None


class RMSprop(_Optimizer):
    """RMSprop: AdaGrad whose h forgets at decay_rate."""

    op, numbers, states = "rmsprop", ("lr", "decay_rate"), ("h",)

    def __init__(self, lr: float = 0.01, decay_rate: float = 0.99) -> None:
        self.lr = lr
        self.decay_rate = decay_rate
        self.h: list[Array] | None = None


class Adam(_Optimizer):
    """Adam (arXiv:1412.6980)."""

    op, numbers, states = "adam", ("lr", "beta1", "beta2"), ("m", "v")
    instead = "LazyAdam takes it"

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m: list[Array] | None = None
        self.v: list[Array] | None = None

    def _begin(self) -> tuple[float, ...]:
        _, beta1, beta2 = super()._begin()
        lr_t = adam_rate(self.lr, beta1, beta2, self.iter + 1)
        return np.float64(lr_t), beta1, beta2  # float16 arrays are stepped in float64 by it

    def update(self, params: list[Array], grads: list[Any]) -> None:
        """Change each param in place by its gradient; nothing is changed if one is refused."""
        super().update(params, grads)
        self.iter += 1


class AdamW(Adam):
    """Adam after ``param *= 1 - lr * weight_decay``: decoupled decay (arXiv:1711.05101)."""

    def __init__(
        self,
        lr: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(lr, beta1, beta2)
        self.weight_decay = weight_decay

    def _kept(self) -> float:
        """The share of a parameter that its decay leaves; next to nothing, if lr is too large."""
        decay = number("weight_decay", self.weight_decay)
        if decay < 0:
            raise ValueError(f"weight_decay must be >= 0, got {decay}")
        return max(1 - number("lr", self.lr) * decay, 1e-6)

    def _begin(self) -> tuple[float, ...]:
        kept = self._kept()
        lr_t, *betas = super()._begin()
        return lr_t / kept, *betas

    def update(self, params: list[Array], grads: list[Any]) -> None:
        """Change each param in place by its decay and its gradient, or none, as `Adam` does."""
        super().update(params, grads)  # p * kept - step is (p - step / kept) * kept
        kept = self._kept()
        for param, grad in zip(params, grads, strict=True):
            if not isinstance(grad, Frozen):
                param *= kept


# ---- for row-sparse gradients


class SparseSGD(SGD):
    """`SGD`, which takes row-sparse gradients as well: a row without a gradient stays as it is."""


class SparseMomentum(Momentum):
    """`Momentum` of the rows that have a gradient.

    It differs: a row without a gradient does not coast on, and its v waits, undiminished, until it
    has one. Where every row has a gradient at every step it is `Momentum`.
    """

    by_rows = True


class SparseAdaGrad(AdaGrad):
    """`AdaGrad`, which takes row-sparse gradients as well: without a gradient nothing changes."""


class RowWiseAdaGrad(AdaGrad):
    """AdaGrad with one number of state a row: ``h += mean(grad**2)`` over each row.

    Then ``param -= lr * grad / (sqrt(h) + 1e-7)``. It differs from `AdaGrad` in that the numbers of
    a row share a rate; the state of (V, D) is (V,). Rows are those of the first axis.
    """

    op = "sgd"

    def update(self, params: list[Array], grads: list[Any]) -> None:
        """Change each param in place by its gradient; nothing is changed if one is refused."""
        numbers, h = self._begin(), self.h
        if h is None:
            h = [np.zeros(param.shape[:1], param.dtype) for param in params]
        _gradients.check(params, grads, {"h": h}, self._refuse, axes=1)
        self.h = h
        scaled = list(map(self._scaled, grads, h))
        _gradients.step(self.op, (params, scaled), numbers)

    @staticmethod
    def _scaled(grad: Any, h: Array) -> Any:
        """The gradient over the root of h, to which its mean squares are added."""
        rows = grad.rows if isinstance(grad, RowSparse) else slice(None)
        values = grad.values if isinstance(grad, RowSparse) else grad
        h[rows] += np.mean(np.square(values), axis=tuple(range(1, values.ndim)))
        share = 1 / (np.sqrt(h[rows]) + 1e-7)
        values = (values.T * share).T
        return grad.with_values(values) if isinstance(grad, RowSparse) else values


class LazyAdam(Adam):
    """`Adam` of the rows that have a gradient, as ``torch.optim.SparseAdam``.

    It differs: m and v of a row decay only at the steps at which it has a gradient, and it is not
    moved at the others. The correction of the bias counts all steps. Where every row has a gradient
    at every step it is `Adam`.
    """

    by_rows = True
