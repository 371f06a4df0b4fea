"""Rows of matrices as bytes: copied, and fetched ahead of their use.

A row is named by the byte at which it begins. Numba's own loop over a row tests at each row whether
source and target overlap, and ends with single numbers: half of the time where rows are short.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastembed.kernels._jit import kernel

BYTE, WORD = ir.IntType(8), ir.IntType(64)


def _pointer(context, builder, kind, array, offset):
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(builder.bitcast(data, BYTE.as_pointer()), [offset])


def _copier(nbytes):
    """An intrinsic ``(target, t, source, s)`` that copies nbytes bytes, in vectors."""
    step = min(nbytes, 32)
    vector = ir.VectorType(BYTE, step).as_pointer()

    @intrinsic
    def copy(typing_context, target, t, source, s):
        def generate(context, builder, signature, values):
            (to, t, start, s), kinds = values, signature.args
            to = _pointer(context, builder, kinds[0], to, t)
            start = _pointer(context, builder, kinds[2], start, s)
            places = [ir.Constant(WORD, k) for k in range(0, nbytes, step)]
            for value, place in [
                (builder.load(builder.bitcast(builder.gep(start, [k]), vector), align=1), k)
                for k in places
            ]:
                builder.store(value, builder.bitcast(builder.gep(to, [place]), vector), align=1)
            return context.get_dummy_value()

        return types.void(target, types.intp, source, types.intp), generate

    return copy


_copy_64, _copy_32, _copy_16, _copy_8, _copy_4 = map(_copier, (64, 32, 16, 8, 4))


@kernel
def copy_row(target, t, source, s, nbytes):
    """nbytes >= 4 bytes from byte s of source to byte t of target; the last piece may overlap."""
    if nbytes >= 64:
        last = nbytes - 64
        for k in range(0, last, 64):
            _copy_64(target, t + k, source, s + k)
        _copy_64(target, t + last, source, s + last)
    elif nbytes >= 32:
        _copy_32(target, t, source, s)
        _copy_32(target, t + nbytes - 32, source, s + nbytes - 32)
    elif nbytes >= 16:
        _copy_16(target, t, source, s)
        _copy_16(target, t + nbytes - 16, source, s + nbytes - 16)
    elif nbytes >= 8:
        _copy_8(target, t, source, s)
        _copy_8(target, t + nbytes - 8, source, s + nbytes - 8)
    else:
        _copy_4(target, t, source, s)


@intrinsic
def prefetch(typing_context, array, offset):
    """Ask for the cache line at a byte of array; a hint that never faults."""

    def generate(context, builder, signature, values):
        pointer = _pointer(context, builder, signature.args[0], *values)
        flag = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), flag, flag, flag]),
            "llvm.prefetch.p0",
        )
        read, keep, data = (ir.Constant(flag, value) for value in (0, 3, 1))
        builder.call(function, [pointer, read, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate
