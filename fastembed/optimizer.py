"""Optimizers with the book's formulas: ``update(params, grads)`` changes params in place."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastembed._check import number
from fastembed._gradients import step
from fastembed._inputs import Array
from fastembed.ops.optim import adam_rate, each

__all__ = ["AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "SGD", "np"]


class _Optimizer:
    """A row names the op, the numbers that it takes, and the lists of arrays that it keeps."""

    op = ""
    numbers: tuple[str, ...] = ("lr",)
    states: tuple[str, ...] = ()
    _step: Callable[..., None]  # the formula, for arrays that the op does not take

    def update(self, params: list[Array], grads: list[Any]) -> None:
        """Change each param in place by its gradient."""
        for name in self.states:
            if getattr(self, name) is None:
                setattr(self, name, [np.zeros_like(param) for param in params])
        states = (getattr(self, name) for name in self.states)
        for arrays in each(self.op, (params, grads, *states), self._begin()):
            step(self._step, *arrays)

    def _begin(self) -> tuple[float, ...]:
        """The numbers that the op takes in this update."""
        return tuple(number(name, getattr(self, name)) for name in self.numbers)


class SGD(_Optimizer):
    """Gradient descent: ``param -= lr * grad``."""

    op = "sgd"

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr

    def _step(self, param: Array, grad: Array) -> None:
        param -= self.lr * grad


class Momentum(_Optimizer):
    """Gradient descent with momentum: ``v = momentum * v - lr * grad; param += v``."""

    op, numbers, states = "momentum", ("lr", "momentum"), ("v",)

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr = lr
        self.momentum = momentum
        self.v: list[Array] | None = None

    def _step(self, param: Array, grad: Array, v: Array) -> None:
        v *= self.momentum
        v -= self.lr * grad
        param += v


class Nesterov(Momentum):
    """Nesterov's accelerated gradient (arXiv:1212.0901)."""

    op = "nesterov"

    def _step(self, param: Array, grad: Array, v: Array) -> None:
        v *= self.momentum
        v -= self.lr * grad
        param += self.momentum * self.momentum * v
        param -= (1 + self.momentum) * self.lr * grad


class AdaGrad(_Optimizer):
    """AdaGrad: ``h += grad**2; param -= lr * grad / (sqrt(h) + 1e-7)``."""

    op, states = "adagrad", ("h",)

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr
        self.h: list[Array] | None = None

    def _step(self, param: Array, grad: Array, h: Array) -> None:
        h += grad * grad
        param -= self.lr * grad / (np.sqrt(h) + 1e-7)


class RMSprop(_Optimizer):
    """RMSprop: AdaGrad whose h forgets at decay_rate."""

    op, numbers, states = "rmsprop", ("lr", "decay_rate"), ("h",)

    def __init__(self, lr: float = 0.01, decay_rate: float = 0.99) -> None:
        self.lr = lr
        self.decay_rate = decay_rate
        self.h: list[Array] | None = None

    def _step(self, param: Array, grad: Array, h: Array) -> None:
        h *= self.decay_rate
        h += (1 - self.decay_rate) * grad * grad
        param -= self.lr * grad / (np.sqrt(h) + 1e-7)


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
        return lr_t, beta1, beta2

    def _step(self, param: Array, grad: Array, m: Array, v: Array) -> None:
        m += (1 - self.beta1) * (grad - m)
        v += (1 - self.beta2) * (grad**2 - v)
        lr_t = np.float64(adam_rate(self.lr, self.beta1, self.beta2, self.iter))
        param -= lr_t * m / (np.sqrt(v) + 1e-7)
