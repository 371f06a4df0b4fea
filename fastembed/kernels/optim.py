"""Numba kernels of the optimizers: one pass over memory, in place, for lo <= i < hi.

Arrays are flat, of n entries and one dtype, float32 or float64; grad and x are only read, the
others changed. lr and the like are numbers of that dtype, betas and decay float64. Unchecked: call
the functions of ``ops``. The slice is cut out first: LLVM vectorises loops whose indices cannot be
negative.
"""

import math

from fastembed.kernels._args import double, doubles, integer, real, vector
from fastembed.kernels._jit import kernel
from fastembed.kernels._vector import row_squares

# a step's struct: param, grad, two states, three numbers
PARAM, GRAD, FIRST, SECOND = (vector.at(k) for k in (0, 2, 4, 6))
NUMBERS = 8
TINY = 1e-7  # the book's, which keeps a division from one by zero


@kernel
def sgd(grad: GRAD, lr: real.at(NUMBERS), param: PARAM, lo, hi):
    """param -= lr grad"""
    grad, param = grad[lo:hi], param[lo:hi]
    for i in range(grad.size):
        param[i] -= lr * grad[i]


@kernel
def momentum(grad: GRAD, lr: real.at(NUMBERS), rate: real, v: FIRST, param: PARAM, lo, hi):
    """v = rate v - lr grad; param += v"""
    grad, v, param = grad[lo:hi], v[lo:hi], param[lo:hi]
    for i in range(grad.size):
        v[i] = rate * v[i] - lr * grad[i]
        param[i] += v[i]


@kernel
def nesterov(grad: GRAD, lr: real.at(NUMBERS), rate: real, v: FIRST, param: PARAM, lo, hi):
    """v = rate v - lr grad; param += rate^2 v - (1 + rate) lr grad"""
    one = grad.dtype.type(1)
    square, ahead = rate * rate, (one + rate) * lr
    grad, v, param = grad[lo:hi], v[lo:hi], param[lo:hi]
    for i in range(grad.size):
        v[i] = rate * v[i] - lr * grad[i]
        param[i] = param[i] + square * v[i] - ahead * grad[i]


@kernel
def adagrad(grad: GRAD, lr: real.at(NUMBERS), h: FIRST, param: PARAM, lo, hi):
    """h += grad^2; param -= lr grad / (sqrt(h) + TINY)"""
    tiny = grad.dtype.type(TINY)
    grad, h, param = grad[lo:hi], h[lo:hi], param[lo:hi]
    for i in range(grad.size):
        h[i] += grad[i] * grad[i]
        param[i] -= lr * grad[i] / (math.sqrt(h[i]) + tiny)


@kernel
def rmsprop(grad: GRAD, lr: real.at(NUMBERS), decay: double, h: FIRST, param: PARAM, lo, hi):
    """h = decay h + (1 - decay) grad^2; param -= lr grad / (sqrt(h) + TINY)"""
    kind = grad.dtype.type
    kept, new, tiny = kind(decay), kind(1 - decay), kind(TINY)
    grad, h, param = grad[lo:hi], h[lo:hi], param[lo:hi]
    for i in range(grad.size):
        h[i] = kept * h[i] + new * grad[i] * grad[i]
        param[i] -= lr * grad[i] / (math.sqrt(h[i]) + tiny)


@kernel
def adam(
    grad: GRAD, lr_t: real.at(NUMBERS), beta1: double, beta2: double, m: FIRST, v: SECOND,
    param: PARAM, lo, hi,
):  # fmt: skip
    """m += (1 - beta1) (grad - m); v += (1 - beta2) (grad^2 - v)

    Then param -= lr_t m / (sqrt(v) + TINY).
    """
    kind = grad.dtype.type
    rest1, rest2, tiny = kind(1 - beta1), kind(1 - beta2), kind(TINY)
    grad, m, v, param = grad[lo:hi], m[lo:hi], v[lo:hi], param[lo:hi]
    for i in range(grad.size):
        m[i] += rest1 * (grad[i] - m[i])
        v[i] += rest2 * (grad[i] * grad[i] - v[i])
        param[i] -= lr_t * m[i] / (math.sqrt(v[i]) + tiny)


@kernel
def sum_squares(x: vector, chunk: integer, sums: doubles, lo, hi):
    """sums[k] = sum of x[i]^2 over the k-th chunk of x, of so many entries, for lo <= k < hi"""
    for k in range(lo, hi):
        sums[k] = row_squares(x[k * chunk : (k + 1) * chunk])


@kernel
def scale(x: vector, rate: real, lo, hi):
    """x *= rate"""
    x = x[lo:hi]
    for i in range(x.size):
        x[i] *= rate


@kernel
def add(x: vector, total: vector, lo, hi):
    """total += x"""
    x, total = x[lo:hi], total[lo:hi]
    for i in range(x.size):
        total[i] += x[i]
