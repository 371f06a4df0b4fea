"""The book's optimizers, clipping and weight sharing the slow way: a statement for each formula."""

import numpy as np


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for param, grad in zip(params, grads, strict=True):
            param -= self.lr * grad


class Momentum:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr = lr
        self.momentum = momentum
        self.v = None

    def update(self, params, grads):
        if self.v is None:
            self.v = [np.zeros_like(param) for param in params]
        for k, (param, grad) in enumerate(zip(params, grads, strict=True)):
            self.v[k] = self.momentum * self.v[k] - self.lr * grad
            param += self.v[k]


class Nesterov(Momentum):
    def update(self, params, grads):
        if self.v is None:
            self.v = [np.zeros_like(param) for param in params]
        for v, param, grad in zip(self.v, params, grads, strict=True):
            v *= self.momentum
            v -= self.lr * grad
            param += self.momentum**2 * v
            param -= (1 + self.momentum) * self.lr * grad


class AdaGrad:
    def __init__(self, lr=0.01):
        self.lr = lr
        self.h = None

    def update(self, params, grads):
        if self.h is None:
            self.h = [np.zeros_like(param) for param in params]
        for h, param, grad in zip(self.h, params, grads, strict=True):
            h += grad * grad
            param -= self.lr * grad / (np.sqrt(h) + 1e-7)


class RMSprop:
    def __init__(self, lr=0.01, decay_rate=0.99):
        self.lr = lr
        self.decay_rate = decay_rate
        self.h = None

    def update(self, params, grads):
        if self.h is None:
            self.h = [np.zeros_like(param) for param in params]
        for h, param, grad in zip(self.h, params, grads, strict=True):
            h *= self.decay_rate
            h += (1 - self.decay_rate) * grad * grad
            param -= self.lr * grad / (np.sqrt(h) + 1e-7)


class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m = self.v = None

    def update(self, params, grads):
        if self.m is None:
            self.m = [np.zeros_like(param) for param in params]
            self.v = [np.zeros_like(param) for param in params]
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for m, v, param, grad in zip(self.m, self.v, params, grads, strict=True):
            m += (1 - self.beta1) * (grad - m)
            v += (1 - self.beta2) * (grad**2 - v)
            param -= lr_t * m / (np.sqrt(v) + 1e-7)


class AdamW(Adam):
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, weight_decay=0.01):
        super().__init__(lr, beta1, beta2)
        self.weight_decay = weight_decay

    def update(self, params, grads):
        for param in params:
            param *= 1 - self.lr * self.weight_decay
        super().update(params, grads)


# those of rows: grad.rows and grad.values, or an array, all of whose rows are meant


def _rows(grad):
    return (grad.rows, grad.values) if hasattr(grad, "rows") else (..., grad)


class SparseSGD(SGD):
    def update(self, params, grads):
        for param, grad in zip(params, grads, strict=True):
            rows, values = _rows(grad)
            param[rows] -= self.lr * values


class SparseMomentum(Momentum):
    def update(self, params, grads):
        if self.v is None:
            self.v = [np.zeros_like(param) for param in params]
        for v, param, grad in zip(self.v, params, grads, strict=True):
            rows, values = _rows(grad)
            v[rows] = self.momentum * v[rows] - self.lr * values
            param[rows] += v[rows]


class SparseAdaGrad(AdaGrad):
    def update(self, params, grads):
        if self.h is None:
            self.h = [np.zeros_like(param) for param in params]
        for h, param, grad in zip(self.h, params, grads, strict=True):
            rows, values = _rows(grad)
            h[rows] += values * values
            param[rows] -= self.lr * values / (np.sqrt(h[rows]) + 1e-7)


class RowWiseAdaGrad(AdaGrad):
    def update(self, params, grads):
        if self.h is None:
            self.h = [np.zeros(param.shape[:1], param.dtype) for param in params]
        for h, param, grad in zip(self.h, params, grads, strict=True):
            rows, values = _rows(grad)
            h[rows] += np.mean(values * values, axis=tuple(range(1, values.ndim)))
            rate = self.lr / (np.sqrt(h[rows]) + 1e-7)
            param[rows] -= rate.reshape(rate.shape + (1,) * (values.ndim - rate.ndim)) * values


class LazyAdam(Adam):
    def update(self, params, grads):
        if self.m is None:
            self.m = [np.zeros_like(param) for param in params]
            self.v = [np.zeros_like(param) for param in params]
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for m, v, param, grad in zip(self.m, self.v, params, grads, strict=True):
            rows, values = _rows(grad)
            m[rows] += (1 - self.beta1) * (values - m[rows])
            v[rows] += (1 - self.beta2) * (values**2 - v[rows])
            param[rows] -= lr_t * m[rows] / (np.sqrt(v[rows]) + 1e-7)


def clip_grads(grads, max_norm):
    """Scale grads in place so that their common norm is at most max_norm."""
    norm = np.sqrt(sum(np.sum(grad**2) for grad in grads))
    rate = max_norm / (norm + 1e-6)
    if rate < 1:
        for grad in grads:
            grad *= rate


def remove_duplicate(params, grads):
    """Lists in which each weight appears once, its gradients summed; transposed twins count too."""
    params, grads = list(params), list(grads)
    i = 0
    while i < len(params):
        j = i + 1
        while j < len(params):
            a, b = params[i], params[j]
            if a is b:
                grads[i] += grads[j]
            elif a.ndim == b.ndim == 2 and a.T.shape == b.shape and np.all(a.T == b):
                grads[i] += grads[j].T
            else:
                j += 1
                continue
            del params[j], grads[j]
        i += 1
    return params, grads
