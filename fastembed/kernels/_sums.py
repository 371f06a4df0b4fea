"""Sums of rows of a matrix, which stay in registers until the last row has been added."""

from math import prod

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastembed.kernels._jit import kernel
from fastembed.kernels._rows import WORD, pointer, prefetch

TILE = 8 * 32  # bytes of a sum: vectors in half of the registers that AVX2 has
AHEAD = 8  # rows that are on their way from memory while one is added
NARROW = 64  # bytes; the CPU itself runs ahead over rows of no more


def _word(value):
    return ir.Constant(WORD, value)


def _summer(count, width, weighted):
    """An intrinsic: the sum of `tile_sums` in count vectors of width bytes, which may overlap."""

    @intrinsic
    def tile_sum(typing_context, W, begin, nbytes, idx, weights, lo, hi, divisor, out, to):
        kinds = dict(W=W, idx=idx, weights=weights, out=out)
        itemsize = W.dtype.bitwidth // 8

        def generate(context, builder, signature, values):
            W, begin, nbytes, idx, weights, lo, hi, divisor, out, to = values
            arrays = dict(W=W, idx=idx, weights=weights, out=out)
            real = context.get_data_type(kinds["W"].dtype)
            step = max(width, itemsize)  # a double is wider than the narrowest
            vector = ir.VectorType(real, step // itemsize)

            def at(name, offset, kind):
                place = pointer(context, builder, kinds[name], arrays[name], offset)
                return builder.bitcast(place, kind.as_pointer())

            def load(name, offset, kind):
                return builder.load(at(name, offset, kind), align=1)

            def sizes(name, part):
                array = context.make_array(kinds[name])(context, builder, arrays[name])
                return cgutils.unpack_tuple(builder, getattr(array, part))

            def spread(number):
                nothing = ir.Constant(vector, ir.Undefined)
                first = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
                lanes = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
                return builder.shuffle_vector(first, nothing, lanes)

            def least(a, b):
                return builder.select(builder.icmp_signed("<", a, b), a, b)

            V, row_bytes = sizes("W", "shape")[0], sizes("W", "strides")[0]
            last = builder.sub(sizes("idx", "shape")[0], _word(1))
            end = builder.sub(nbytes, _word(step))
            places = [least(_word(k * step), end) for k in range(count - 1)] + [end]
            sums = [cgutils.alloca_once(builder, vector) for _ in places]
            for total in sums:
                builder.store(ir.Constant(vector, None), total)
            wrong = cgutils.alloca_once(builder, WORD)
            builder.store(_word(0), wrong)
            with cgutils.for_range_slice(builder, lo, hi, _word(1), WORD) as (n, _):
                if count * width > NARROW:
                    later = builder.mul(least(builder.add(n, _word(AHEAD)), last), _word(8))
                    start = builder.mul(load("idx", later, WORD), row_bytes)
                    for line in range(0, count * width, 64):
                        place = builder.add(start, builder.add(begin, _word(line)))
                        prefetch(context, builder, kinds["W"], arrays["W"], place)
                v = load("idx", builder.mul(n, _word(8)), WORD)
                v = builder.add(v, builder.and_(builder.ashr(v, _word(63)), V))
                outside = builder.icmp_unsigned(">=", v, V)
                v = builder.select(outside, _word(0), v)
                outside = builder.zext(outside, WORD)
                builder.store(builder.or_(builder.load(wrong), outside), wrong)
                start = builder.add(builder.mul(v, row_bytes), begin)
                if weighted:
                    weight = spread(load("weights", builder.mul(n, _word(itemsize)), real))
                for place, total in zip(places, sums, strict=True):
                    term = load("W", builder.add(start, place), vector)
                    if weighted:
                        term = builder.fmul(term, weight, flags=("contract",))
                    term = builder.fadd(builder.load(total), term, flags=("contract",))
                    builder.store(term, total)
            with builder.if_then(builder.icmp_signed(">", divisor, _word(1))):
                number = spread(builder.sitofp(divisor, real))
                for total in sums:
                    builder.store(builder.fdiv(builder.load(total), number), total)
            for place, total in zip(places, sums, strict=True):
                builder.store(
                    builder.load(total), at("out", builder.add(to, place), vector), align=1
                )
            return builder.icmp_signed("==", builder.load(wrong), _word(0))

        word, flag = types.intp, types.boolean
        return flag(W, word, word, idx, weights, word, word, word, out, word), generate

    return tile_sum


def _choice(limit, shorter, longer):
    """One sum for up to limit bytes, another one for more."""

    @kernel(forceinline=True)
    def tile_sum(W, begin, nbytes, idx, weights, lo, hi, divisor, out, to):
        if nbytes > limit:
            return longer(W, begin, nbytes, idx, weights, lo, hi, divisor, out, to)
        return shorter(W, begin, nbytes, idx, weights, lo, hi, divisor, out, to)

    return tile_sum


# how many vectors of which width: for up to as many bytes as they have together
VECTORS = (2, 4), (2, 8), (2, 16), (2, 32), (4, 32), (6, 32), (8, 32)


def tile_sums(weighted):
    """A function that sums a part of rows, the nbytes from begin on, at most TILE.

    The bytes of out from to on become the sum over lo <= n < hi of weights[n], if weighted, times
    those of row idx[n] of W; divided by divisor if that is more than 1. Rows are added in order.
    It tells whether all ids are in [-V, V).
    """

    def sums(vectors, *longer):
        one = _summer(*vectors, weighted)
        return _choice(prod(vectors), one, sums(*longer)) if longer else one

    def sums_down(*all_vectors):
        *shorter, vectors = all_vectors
        one = _summer(*vectors, weighted)
        return _choice(prod(shorter[-1]), sums_down(*shorter), one) if shorter else one

    narrow = [vectors for vectors in VECTORS if prod(vectors) <= NARROW]
    return _choice(NARROW, sums(*narrow), sums_down(*VECTORS[len(narrow) :]))
