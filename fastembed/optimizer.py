"""Optimizers with the book's formulas: ``update(params, grads)`` changes params in place.

Each step is written out for the arrays that the compiled one does not take.
"""

import numpy as np

from fastembed.ops.optim import adam_rate, each

__all__ = ["AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "SGD", "np"]


class SGD:
    """Gradient descent: ``param -= lr * grad``."""

    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        """Change each param in place by its gradient."""
        for param, grad in each("sgd", (params, grads), (self.lr,)):
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
        for param, grad, v in each("momentum", (params, grads, self.v), (self.lr, self.momentum)):
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
        for param, grad, v in each("nesterov", (params, grads, self.v), (self.lr, self.momentum)):
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
        for param, grad, h in each("adagrad", (params, grads, self.h), (self.lr,)):
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
        for param, grad, h in each("rmsprop", (params, grads, self.h), (self.lr, self.decay_rate)):
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
        lr_t = adam_rate(self.lr, self.beta1, self.beta2, self.iter + 1)
        self.iter += 1
        for param, grad, m, v in each(
            "adam", (params, grads, self.m, self.v), (lr_t, self.beta1, self.beta2)
        ):
            m += (1 - self.beta1) * (grad - m)
            v += (1 - self.beta2) * (grad**2 - v)
            param -= np.float64(lr_t) * m / (np.sqrt(v) + 1e-7)


def zeros_like(params):
    """One array of zeros for each param."""
    return [np.zeros_like(param) for param in params]
