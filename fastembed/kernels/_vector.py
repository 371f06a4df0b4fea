"""Loops over a row that LLVM turns into vector instructions; the kernels are made of them."""

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from fastembed.kernels._jit import kernel

f32, f64 = np.float32, np.float64
PIECE = 512  # numbers that are summed in their own precision


def exp(x):
    """e**x for x <= 0, without a branch; 0 where the result would be subnormal; NaN stays NaN.

    Range reduction x = n ln2 + r, a polynomial in r, the exponent n by an integer shift; ln2 in two
    parts, so that r is exact (W. J. Cody and W. Waite, 1980). Relative error below 2e-7 (float32),
    5e-16 (float64). The float32 constants are those of expf in S. L. Moshier's Cephes library
    (single/expf.c), the float64 halves of ln2 those of e_exp.c in Sun's fdlibm.
    """
    raise NotImplementedError("only inside kernels")


def _exp32(x):
    # below ln(2**-126) = -87.3 the result is subnormal; r is taken from x: NaN goes through
    t = x if x > f32(-87.3) else f32(-87.3)
    n = np.int32(t * f32(1.44269504088896341) - f32(0.5))
    k = f32(n)
    r = (x - k * f32(0.693359375)) + k * f32(2.12194440e-4)
    p = f32(1.9875691500e-4)
    p = p * r + f32(1.3981999507e-3)
    p = p * r + f32(8.3334519073e-3)
    p = p * r + f32(4.1665795894e-2)
    p = p * r + f32(1.6666665459e-1)
    p = p * r + f32(5.0000001201e-1)
    p = p * (r * r) + r + f32(1.0)
    scale = np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)
    return f32(0.0) if x < f32(-87.3) else p * scale


def _exp64(x):
    t = x if x > -708.0 else -708.0
    n = np.int32(t * 1.4426950408889634 - 0.5)
    k = f64(n)
    r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10
    # Taylor to degree 13: |r| <= ln2 / 2 leaves 2e-17
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * (r * r) + r + 1.0
    scale = np.int64((np.int64(n) + np.int64(1023)) << np.int64(52)).view(np.float64)
    return 0.0 if x < -708.0 else p * scale


# contract lets a * b + c be one instruction where the CPU has it
@overload(exp, jit_options={"error_model": "numpy", "forceinline": True, "fastmath": {"contract"}})
def _exp(x):
    return {types.float32: _exp32, types.float64: _exp64}.get(x)


@intrinsic
def _maximum(context, a, b):
    """The larger one, NaN if either is: the form of max whose reduction LLVM vectorises."""

    def generate(context, builder, signature, values):
        kind = values[0].type
        function = ir.FunctionType(kind, [kind, kind])
        return builder.call(
            builder.module.declare_intrinsic("llvm.maximum", [kind], function), values
        )

    return a(a, a), generate


@kernel
def row_max(x):
    """max over v of x[v]; NaN if one is"""
    m = x[0]
    for v in range(x.shape[0]):
        m = _maximum(m, x[v])
    return m


@kernel
def row_exp(x, m, y):
    """y[v] = exp(x[v] - m), m at least every x[v]; y may be x"""
    if x.ctypes.data == y.ctypes.data:
        # by one name: LLVM takes its slow loop for two arrays that overlap
        for v in range(y.shape[0]):
            y[v] = exp(y[v] - m)
    else:
        for v in range(x.shape[0]):
            y[v] = exp(x[v] - m)


# reassoc: several partial sums, in an order that depends on the row's length alone
@kernel(fastmath={"reassoc"})
def _short_sum(x):
    s = x.dtype.type(0)
    for v in range(x.shape[0]):
        s += x[v]
    return s


@kernel
def row_sum(x):
    """sum over v of x[v], float64: partial sums stay short, so that float32 loses little"""
    s = 0.0
    for v in range(0, x.shape[0], PIECE):
        s += f64(_short_sum(x[v : v + PIECE]))
    return s


@intrinsic
def _piece(context, like):
    """A pointer to PIECE uninitialised numbers on the stack."""
    kind = types.CPointer(like.dtype)

    def generate(context, builder, signature, values):
        place = ir.ArrayType(context.get_data_type(like.dtype), PIECE)
        return builder.bitcast(cgutils.alloca_once(builder, place), context.get_value_type(kind))

    return kind(like), generate


@kernel
def row_exp_sum(x, m):
    """sum over v of exp(x[v] - m), float64, with the bits of row_exp and row_sum"""
    s, piece = 0.0, carray(_piece(x), PIECE)
    for v in range(0, x.shape[0], PIECE):
        part = x[v : v + PIECE]
        terms = piece[: part.shape[0]]
        row_exp(part, m, terms)
        s += f64(_short_sum(terms))
    return s


@kernel(fastmath={"reassoc", "contract"})
def row_dot(x, y):
    """sum over v of x[v] y[v]"""
    s = x.dtype.type(0)
    for v in range(x.shape[0]):
        s += x[v] * y[v]
    return s


@kernel(fastmath={"contract"})
def row_add(a, x, y):
    """y[v] += a x[v]"""
    for v in range(x.shape[0]):
        y[v] += a * x[v]


@kernel(fastmath={"reassoc", "contract"})
def row_squares(x):
    """sum over v of x[v]^2, float64"""
    s = 0.0
    for v in range(x.shape[0]):
        s += f64(x[v]) * f64(x[v])
    return s
