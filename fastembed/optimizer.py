"""Optimizers with the book's formulas: ``update(params, grads)`` changes params in place."""

import numpy as np

from fastembed import ops
from fastembed._arrays import FLOATS, cast

__all__ = ["AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "SGD", "np"]


class SGD:
    """Gradient descent: ``param -= lr * grad``."""

    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        """Change each param in place by its gradient."""
        for param, grad in zip(params, grads, strict=False):
            if fits_ops(param):
                ops.sgd(param, like(grad, param), self.lr)
            else:
                param -= self.lr * grad


class Momentum:
    """Gradient descent with momentum: ``v = momentum * v - lr * grad; param += v``."""

    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        """Change each param in place by its gradient."""
        if self.v is None:
            self.v = zeros_like(params)
        for v, param, grad in zip(self.v, params, grads, strict=False):
            if fits_ops(param):
                ops.momentum(param, like(grad, param), v, self.lr, self.momentum)
            else:
                v *= self.momentum
                v -= self.lr * grad
                param += v


class Nesterov:
    """Nesterov's accelerated gradient (arXiv:1212.0901)."""

    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        """Change each param in place by its gradient."""
        if self.v is None:
            self.v = zeros_like(params)
        for v, param, grad in zip(self.v, params, grads, strict=False):
            if fits_ops(param):
                ops.nesterov(param, like(grad, param), v, self.lr, self.momentum)
            else:
                v *= self.momentum
                v -= self.lr * grad
                param += self.momentum * self.momentum * v
                param -= (1 + self.momentum) * self.lr * grad


class AdaGrad:
    """AdaGrad: ``h += grad**2; param -= lr * grad / (sqrt(h) + 1e-7)``."""

    def __init__(self, lr=0.01):
        self.lr = lr
        self.h = None

    def update(self, params, grads):
        """Change each param in place by its gradient."""
        if self.h is None:
            self.h = zeros_like(params)
        for h, param, grad in zip(self.h, params, grads, strict=False):
            if fits_ops(param):
                ops.adagrad(param, like(grad, param), h, self.lr)
            else:
                h += grad * grad
                param -= self.lr * grad / (np.sqrt(h) + 1e-7)


class RMSprop:
    """RMSprop: AdaGrad whose h forgets at decay_rate."""

    def __init__(self, lr=0.01, decay_rate=0.99):
        self.lr = lr
        self.decay_rate = decay_rate
        self.h = None

    def update(self, params, grads):
        """Change each param in place by its gradient."""
        if self.h is None:
            self.h = zeros_like(params)
        for h, param, grad in zip(self.h, params, grads, strict=False):
            if fits_ops(param):
                ops.rmsprop(param, like(grad, param), h, self.lr, self.decay_rate)
            else:
                h *= self.decay_rate
                h += (1 - self.decay_rate) * grad * grad
                param -= self.lr * grad / (np.sqrt(h) + 1e-7)


class Adam:
    """Adam (arXiv:1412.6980)."""

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m = None
        self.v = None

    def update(self, params, grads):
        """Change each param in place by its gradient."""
        if self.m is None:
            self.m, self.v = zeros_like(params), zeros_like(params)
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for m, v, param, grad in zip(self.m, self.v, params, grads, strict=False):
            if fits_ops(param):
                ops.adam(param, like(grad, param), m, v, lr_t, self.beta1, self.beta2)
            else:
                m += (1 - self.beta1) * (grad - m)
                v += (1 - self.beta2) * (grad**2 - v)
                param -= lr_t * m / (np.sqrt(v) + 1e-7)


def fits_ops(param):
    """Whether the ops update it; NumPy does the rest (other dtypes, subclasses)."""
    return type(param) is np.ndarray and param.dtype.type in FLOATS


def like(grad, param):
    """The gradient in param's dtype and shape."""
    grad = cast(np.asarray(grad), param.dtype)
    return grad if grad.shape == param.shape else np.broadcast_to(grad, param.shape)


def zeros_like(params):
    """One array of zeros for each param."""
    return [np.zeros_like(param) for param in params]
