"""Prefetch for kernels that read rows in random order, or write more than a cache holds."""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


@intrinsic
def prefetch(typing_context, array, row, column):
    """Ask for the cache line of array[row, column]; a hint that never faults."""
    return types.void(array, row, column), _hint(write=False)


@intrinsic
def prefetch_to_write(typing_context, array, row, column):
    """Ask for the cache line of array[row, column], to write it; a hint that never faults."""
    return types.void(array, row, column), _hint(write=True)


def _hint(write):
    def codegen(context, builder, signature, arguments):
        array_type = signature.args[0]
        array = context.make_array(array_type)(context, builder, arguments[0])
        address = cgutils.get_item_pointer(
            context, builder, array_type, array, list(arguments[1:]), wraparound=False
        )
        byte_pointer = ir.IntType(8).as_pointer()
        i32 = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte_pointer, i32, i32, i32]),
            "llvm.prefetch.p0",
        )
        keep, data = ir.Constant(i32, 3), ir.Constant(i32, 1)
        pointer = builder.bitcast(address, byte_pointer)
        builder.call(function, [pointer, ir.Constant(i32, int(write)), keep, data])
        return context.get_dummy_value()

    return codegen
