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


def _copier(count, width):
    """An intrinsic that copies nbytes bytes as count vectors of width bytes; the last may overlap."""
    vector = ir.VectorType(BYTE, width).as_pointer()

    @intrinsic
    def copy(typing_context, target, t, source, s, nbytes):
        def generate(context, builder, signature, values):
            (to, t, start, s, nbytes), kinds = values, signature.args
            to = _pointer(context, builder, kinds[0], to, t)
            start = _pointer(context, builder, kinds[2], start, s)
            places = [ir.Constant(WORD, k * width) for k in range(count - 1)]
            places.append(builder.sub(nbytes, ir.Constant(WORD, width)))
            for value, place in [
                (builder.load(builder.bitcast(builder.gep(start, [k]), vector), align=1), k)
                for k in places
            ]:
                builder.store(value, builder.bitcast(builder.gep(to, [place]), vector), align=1)
            return context.get_dummy_value()

        return types.void(target, types.intp, source, types.intp, types.intp), generate

    return copy


copy_64 = _copier(2, 32)
# the fewest vectors that hold a row: bytes of the longest row -> how it is copied
SHORT = {
    7: _copier(2, 4),
    15: _copier(2, 8),
    31: _copier(2, 16),
    32: _copier(1, 32),
    64: copy_64,
    96: _copier(3, 32),
    128: _copier(4, 32),
}


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
