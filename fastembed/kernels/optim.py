"""Numba kernels of the optimizers: one pass over memory, in place, all arrays flat.

They cut their slice out first: LLVM vectorises loops whose indices cannot be negative.
"""

import math

from fastembed.kernels._args import double, doubles, integer, vector
from fastembed.kernels._jit import entry, kernel
from fastembed.kernels._vector import row_squares


@kernel
def sgd(grad, lr, param, lo, hi):
    """param -= lr grad  for lo <= i < hi

    grad   (n,)  float32 | float64        IN
    lr           scalar of grad's dtype
    param  (n,)  dtype of grad             INOUT
    Unchecked: call ops.sgd.
    """
    grad, param = grad[lo:hi], param[lo:hi]
    for i in range(grad.size):
        param[i] -= lr * grad[i]


@kernel
def momentum(grad, lr, rate, v, param, lo, hi):
    """v = rate v - lr grad; param += v  for lo <= i < hi

    grad      (n,)  float32 | float64       IN
    lr, rate        scalars of grad's dtype
    v, param  (n,)  dtype of grad            INOUT
    Unchecked: call ops.momentum.
    """
    grad, v, param = grad[lo:hi], v[lo:hi], param[lo:hi]
    for i in range(grad.size):
        v[i] = rate * v[i] - lr * grad[i]
        param[i] += v[i]


@kernel
def nesterov(grad, lr, rate, v, param, lo, hi):
    """v = rate v - lr grad; param += rate^2 v - (1 + rate) lr grad  for lo <= i < hi

    grad      (n,)  float32 | float64       IN
    lr, rate        scalars of grad's dtype
    v, param  (n,)  dtype of grad            INOUT
    Unchecked: call ops.nesterov.
    """
    one = grad.dtype.type(1)
    square, ahead = rate * rate, (one + rate) * lr
    grad, v, param = grad[lo:hi], v[lo:hi], param[lo:hi]
    for i in range(grad.size):
        v[i] = rate * v[i] - lr * grad[i]
        param[i] = param[i] + square * v[i] - ahead * grad[i]


@kernel
def adagrad(grad, lr, h, param, lo, hi):
    """h += grad^2; param -= lr grad / (sqrt(h) + 1e-7)  for lo <= i < hi

    grad      (n,)  float32 | float64      IN
    lr              scalar of grad's dtype
    h, param  (n,)  dtype of grad           INOUT
    Unchecked: call ops.adagrad.
    """
    tiny = grad.dtype.type(1e-7)
    grad, h, param = grad[lo:hi], h[lo:hi], param[lo:hi]
    for i in range(grad.size):
        h[i] += grad[i] * grad[i]
        param[i] -= lr * grad[i] / (math.sqrt(h[i]) + tiny)


@kernel
def rmsprop(grad, lr, decay, rest, h, param, lo, hi):
    """h = decay h + rest grad^2; param -= lr grad / (sqrt(h) + 1e-7)  for lo <= i < hi

    grad             (n,)  float32 | float64       IN
    lr, decay, rest        scalars of grad's dtype  rest = 1 - decay
    h, param         (n,)  dtype of grad            INOUT
    Unchecked: call ops.rmsprop.
    """
    tiny = grad.dtype.type(1e-7)
    grad, h, param = grad[lo:hi], h[lo:hi], param[lo:hi]
    for i in range(grad.size):
        h[i] = decay * h[i] + rest * grad[i] * grad[i]
        param[i] -= lr * grad[i] / (math.sqrt(h[i]) + tiny)


@kernel
def adam(grad, lr_t, rest1, rest2, m, v, param, lo, hi):
    """m += rest1 (grad - m); v += rest2 (grad^2 - v); param -= lr_t m / (sqrt(v) + 1e-7)

    For lo <= i < hi.

    grad                (n,)  float32 | float64       IN
    lr_t, rest1, rest2        scalars of grad's dtype  rest1 = 1 - beta1, rest2 = 1 - beta2
    m, v, param         (n,)  dtype of grad            INOUT
    Unchecked: call ops.adam.
    """
    tiny = grad.dtype.type(1e-7)
    grad, m, v, param = grad[lo:hi], m[lo:hi], v[lo:hi], param[lo:hi]
    for i in range(grad.size):
        m[i] += rest1 * (grad[i] - m[i])
        v[i] += rest2 * (grad[i] * grad[i] - v[i])
        param[i] -= lr_t * m[i] / (math.sqrt(v[i]) + tiny)


@kernel
def sum_squares(x, chunk, sums, lo, hi):
    """sums[k] = sum of x[i]^2 over the k-th chunk of x  for lo <= k < hi

    x      (n,)                float32 | float64  IN
    chunk                      int                 entries of x per chunk
    sums   (ceil(n / chunk),)  float64             OUT
    Unchecked: call ops.global_norm.
    """
    for k in range(lo, hi):
        sums[k] = row_squares(x[k * chunk : (k + 1) * chunk])


@kernel
def scale(x, rate, lo, hi):
    """x *= rate  for lo <= i < hi

    x     (n,)  float32 | float64  INOUT
    rate        scalar of x's dtype
    Unchecked: call ops.scale.
    """
    x = x[lo:hi]
    for i in range(x.size):
        x[i] *= rate


@kernel
def add(x, total, lo, hi):
    """total += x  for lo <= i < hi

    x      (n,)  float32 | float64  IN
    total  (n,)  dtype of x          INOUT
    """
    x, total = x[lo:hi], total[lo:hi]
    for i in range(x.size):
        total[i] += x[i]


# ---- what the pool calls: fields of args, then the slice. Steps: grad, param, two states, numbers


@kernel
def _real(x, array):
    return array.dtype.type(x)


@entry
def sgd_slices(args, lo, hi, member):
    """lr"""
    grad = vector(args, 0)
    sgd(grad, _real(double(args, 8), grad), vector(args, 2), lo, hi)


@entry
def momentum_slices(args, lo, hi, member):
    """v; lr, rate"""
    grad = vector(args, 0)
    lr, rate = _real(double(args, 8), grad), _real(double(args, 9), grad)
    momentum(grad, lr, rate, vector(args, 4), vector(args, 2), lo, hi)


@entry
def nesterov_slices(args, lo, hi, member):
    """v; lr, rate"""
    grad = vector(args, 0)
    lr, rate = _real(double(args, 8), grad), _real(double(args, 9), grad)
    nesterov(grad, lr, rate, vector(args, 4), vector(args, 2), lo, hi)


@entry
def adagrad_slices(args, lo, hi, member):
    """h; lr"""
    grad = vector(args, 0)
    adagrad(grad, _real(double(args, 8), grad), vector(args, 4), vector(args, 2), lo, hi)


@entry
def rmsprop_slices(args, lo, hi, member):
    """h; lr, decay"""
    grad, decay = vector(args, 0), double(args, 9)
    lr, rest = _real(double(args, 8), grad), _real(1 - decay, grad)
    rmsprop(grad, lr, _real(decay, grad), rest, vector(args, 4), vector(args, 2), lo, hi)


@entry
def adam_slices(args, lo, hi, member):
    """m, v; lr_t, beta1, beta2"""
    grad = vector(args, 0)
    lr_t = _real(double(args, 8), grad)
    rest1, rest2 = _real(1 - double(args, 9), grad), _real(1 - double(args, 10), grad)
    adam(grad, lr_t, rest1, rest2, vector(args, 4), vector(args, 6), vector(args, 2), lo, hi)


@entry
def sum_squares_slices(args, lo, hi, member):
    """x, chunk, sums; slices are chunks"""
    sum_squares(vector(args, 0), integer(args, 2), doubles(args, 3), lo, hi)


@entry
def scale_slices(args, lo, hi, member):
    """x, rate"""
    x = vector(args, 0)
    scale(x, _real(double(args, 2), x), lo, hi)


@entry
def add_slices(args, lo, hi, member):
    """x, total"""
    add(vector(args, 0), vector(args, 2), lo, hi)
