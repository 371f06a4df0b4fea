"""Optimizers with the book's formulas: ``update(params, grads)`` changes params in place."""

from typing import Any

import numpy as np

from fastembed._check import number
from fastembed._gradients import step
from fastembed._inputs import Array
from fastembed.ops.optim import adam_rate, each
from fastembed.reference import ops as formulas

__all__ = ["AdaGrad", "Adam", "AdamW", "Momentum", "Nesterov", "RMSprop", "SGD", "np"]


class _Optimizer:
    """A row names the op, the numbers that it takes, and the lists of arrays that it keeps."""

    op = ""
    numbers: tuple[str, ...] = ("lr",)
    states: tuple[str, ...] = ()

    def update(self, params: list[Array], grads: list[Any]) -> None:
        """Change each param in place by its gradient."""
        for name in self.states:
            if getattr(self, name) is None:
                setattr(self, name, [np.zeros_like(param) for param in params])
        states = (getattr(self, name) for name in self.states)
        numbers = self._begin()
        for arrays in each(self.op, (params, grads, *states), numbers):
            step(getattr(formulas, self.op), *arrays, numbers=numbers)  # the op does not take them

    def _begin(self) -> tuple[float, ...]:
        """The numbers that the op takes in this update."""
        return tuple(number(name, getattr(self, name)) for name in self.numbers)


class SGD(_Optimizer):
    """Gradient descent: ``param -= lr * grad``."""

    op = "sgd"

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr


class Momentum(_Optimizer):
    """Gradient descent with momentum: ``v = momentum * v - lr * grad; param += v``."""

    op, numbers, states = "momentum", ("lr", "momentum"), ("v",)

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr = lr
        self.momentum = momentum
        self.v: list[Array] | None = None


class Nesterov(Momentum):
    """Nesterov's accelerated gradient (arXiv:1212.0901)."""

    op = "nesterov"


class AdaGrad(_Optimizer):
    """AdaGrad: ``h += grad**2; param -= lr * grad / (sqrt(h) + 1e-7)``."""

    op, states = "adagrad", ("h",)

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
        self.iter += 1
        return np.float64(lr_t), beta1, beta2  # float16 arrays are stepped in float64 by it


class AdamW(Adam):
    """Adam after ``param *= 1 - lr * weight_decay``: decoupled decay (arXiv:1711.05101).

    Every parameter decays, also the rows of a sparse gradient's parameter that have no gradient.
    """

    def __init__(
        self,
        lr: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(lr, beta1, beta2)
        self.weight_decay = weight_decay

    def update(self, params: list[Array], grads: list[Any]) -> None:
        """Change each param in place by its decay and its gradient."""
        kept = 1 - number("lr", self.lr) * number("weight_decay", self.weight_decay)
        for param in params:
            param *= kept
        super().update(params, grads)
