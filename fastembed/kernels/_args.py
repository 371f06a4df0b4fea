"""What an entry finds in its args, a C struct of 8-byte fields: arrays, numbers, all by position.

A matrix takes three fields (data, rows, columns), a vector two (data, length), a number one. Arrays
are C-contiguous. Reals have the dtype that args points to.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _field(builder, args, k, kind):
    fields = builder.bitcast(args, kind.as_pointer())
    return builder.load(cgutils.gep_inbounds(builder, fields, k))


def _array(ndim, dtype=None):
    """An intrinsic ``(args, k)``: the array whose fields begin at k."""

    @intrinsic
    def read(typing_context, args, k):
        kind = types.Array(dtype or args.dtype, ndim, "C")

        def generate(context, builder, signature, values):
            pointer, first = values
            word = ir.IntType(64)
            array = context.make_array(kind)(context, builder)
            shape = [
                _field(builder, pointer, builder.add(first, first.type(axis + 1)), word)
                for axis in range(ndim)
            ]
            itemsize = context.get_constant(
                types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype))
            )
            strides = [itemsize]
            for length in reversed(shape[1:]):
                strides.insert(0, builder.mul(strides[0], length))
            data = builder.inttoptr(_field(builder, pointer, first, word), array.data.type)
            context.populate_array(
                array,
                data=data,
                shape=cgutils.pack_array(builder, shape),
                strides=cgutils.pack_array(builder, strides),
                itemsize=itemsize,
                meminfo=None,
            )
            return array._getvalue()

        return kind(args, types.intp), generate

    return read


def _number(kind):
    """An intrinsic ``(args, k)``: the number in field k."""

    @intrinsic
    def read(typing_context, args, k):
        def generate(context, builder, signature, values):
            return _field(builder, *values, context.get_value_type(kind))

        return kind(args, types.intp), generate

    return read


matrix = _array(2)
vector = _array(1)
ids = _array(1, types.int64)
id_matrix = _array(2, types.int64)
int_matrix = _array(2, types.int32)
bits = _array(1, types.uint8)
bit_matrix = _array(2, types.uint8)
doubles = _array(1, types.float64)
integer = _number(types.int64)
double = _number(types.float64)
