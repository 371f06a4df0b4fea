"""Rows of matrices as bytes: copied, zeroed, and fetched ahead of their use.

A row is named by the byte at which it begins. Numba's own loop over a row tests at each row whether
source and target overlap, and ends with single numbers: half of the time where rows are short.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastembed.kernels._code import machine
from fastembed.kernels._jit import kernel

BYTE, WORD = ir.IntType(8), ir.IntType(64)
LINE = 64  # bytes of a cache line
LINES = 8 * LINE
# What fills an array of more bytes goes past the caches: else a line is read before it is written.
# Where that was measured to be faster, on AMD's CPUs whose one store writes a whole line (Zen 4);
# with two stores a line it is slower (Zen 3), see docs/performance.md.
_, CPU, FEATURES = machine()
STREAMS = CPU.startswith("znver") and "+avx512f" in FEATURES
LARGE = 1 << 25 if STREAMS else 1 << 62


def pointer(context, builder, kind, array, offset):
    """Where a byte of an array is."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(builder.bitcast(data, BYTE.as_pointer()), [offset])


def _copier(count, width):
    """An intrinsic: nbytes bytes as count vectors of width bytes, of which the last may overlap."""
    vector = ir.VectorType(BYTE, width).as_pointer()

    @intrinsic
    def copy(typing_context, target, t, source, s, nbytes):
        def generate(context, builder, signature, values):
            (to, t, start, s, nbytes), kinds = values, signature.args
            to = pointer(context, builder, kinds[0], to, t)
            start = pointer(context, builder, kinds[2], start, s)
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
# for rows of up to 8, 16, 32, 64, 96 and 128 bytes, in the fewest vectors
SHORT = [*(_copier(2, width) for width in (4, 8, 16)), copy_64, _copier(3, 32), _copier(4, 32)]


def prefetch(context, builder, kind, array, offset):
    """Ask for the cache line at a byte of array, in the second cache; a hint that never faults."""
    flag = ir.IntType(32)
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), flag, flag, flag]),
        "llvm.prefetch.p0",
    )
    read, keep, data = (ir.Constant(flag, value) for value in (0, 2, 1))
    builder.call(function, [pointer(context, builder, kind, array, offset), read, keep, data])


@intrinsic
def _prefetch(typing_context, array, offset):
    def generate(context, builder, signature, values):
        prefetch(context, builder, signature.args[0], *values)
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@kernel
def fetch(array, offset, nbytes):
    """Have a row's first lines on their way; the hardware follows a longer row by itself.

    It does not follow into another page: that of the last line is looked up as well.
    """
    for line in range(0, min(nbytes, LINES), LINE):
        _prefetch(array, offset + line)
    if nbytes > LINES:
        _prefetch(array, offset + nbytes - LINE)


@intrinsic
def _address(typing_context, array, offset):
    def generate(context, builder, signature, values):
        return builder.ptrtoint(pointer(context, builder, signature.args[0], *values), WORD)

    return types.intp(array, types.intp), generate


def _store(builder, value, place, past_caches):
    """Store a vector at a place that its size divides."""
    vector = value.type
    store = builder.store(value, builder.bitcast(place, vector.as_pointer()), align=vector.count)
    if past_caches:
        one = ir.Constant(ir.IntType(32), 1)
        store.set_metadata("nontemporal", builder.module.add_metadata([one]))


def _zeros(width, past_caches=False):
    """An intrinsic: width bytes become 0, at a place that width divides."""

    @intrinsic
    def zeros(typing_context, array, offset):
        def generate(context, builder, signature, values):
            place = pointer(context, builder, signature.args[0], *values)
            _store(builder, ir.Constant(ir.VectorType(BYTE, width), None), place, past_caches)
            return context.get_dummy_value()

        return types.void(array, types.intp), generate

    return zeros


def _moves(width, past_caches=False):
    """An intrinsic: width bytes are copied to a place that width divides."""
    vector = ir.VectorType(BYTE, width).as_pointer()

    @intrinsic
    def move(typing_context, target, t, source, s):
        def generate(context, builder, signature, values):
            (to, t, start, s), kinds = values, signature.args
            start = builder.bitcast(pointer(context, builder, kinds[2], start, s), vector)
            place = pointer(context, builder, kinds[0], to, t)
            _store(builder, builder.load(start, align=4), place, past_caches)
            return context.get_dummy_value()

        return types.void(target, types.intp, source, types.intp), generate

    return move


_zero_number, _zero_line = _zeros(4), _zeros(LINE, past_caches=True)
_move_number, _move_line = _moves(4), _moves(LINE, past_caches=True)


@kernel
def _lines(array, begin, end):
    """Where the whole lines of memory from one byte of array to another begin and end."""
    head = min(end, begin + -_address(array, begin) % LINE)
    return head, end - (end - head) % LINE


@kernel(forceinline=True)  # an entry is one function
def zero_rows(array, first, last):
    """array[first:last, :] = 0; call `fence` before other threads may read them"""
    nbytes = array.shape[1] * array.itemsize
    if array.shape[0] * nbytes <= LARGE or array.strides != (nbytes, array.itemsize):
        rows = array[first:last]
        for v in range(rows.shape[0]):
            for d in range(rows.shape[1]):
                rows[v, d] = 0
        return
    begin, end = first * nbytes, min(last, array.shape[0]) * nbytes
    head, tail = _lines(array, begin, end)
    for k in range(begin, head, 4):
        _zero_number(array, k)
    for k in range(head, tail, LINE):
        _zero_line(array, k)
    for k in range(tail, end, 4):
        _zero_number(array, k)


@kernel(forceinline=True)
def stream(target, t, source, s, nbytes):
    """Copy bytes past the caches; call `fence` before other threads may read them."""
    s -= t
    head, tail = _lines(target, t, t + nbytes)
    for k in range(t, head, 4):
        _move_number(target, k, source, s + k)
    for k in range(head, tail, LINE):
        _move_line(target, k, source, s + k)
    for k in range(tail, t + nbytes, 4):
        _move_number(target, k, source, s + k)


@intrinsic
def fence(typing_context):
    """What went past the caches is there for other threads, too."""

    def generate(context, builder, signature, values):
        if STREAMS:
            nothing = ir.FunctionType(ir.VoidType(), [])
            name = "llvm.x86.sse.sfence"
            builder.call(cgutils.get_or_insert_function(builder.module, nothing, name), [])
        return context.get_dummy_value()

    return types.void(), generate
