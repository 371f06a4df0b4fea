"""Sums of rows of a matrix, which stay in registers until the last row has been added."""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fastembed.kernels._jit import kernel
from fastembed.kernels._rows import WORD, pointer, prefetch

TILE = 8 * 32  # bytes of a sum: vectors in half of the registers that AVX2 has
AHEAD = 8  # rows that are on their way from memory while one is added


def _word(value):
    return ir.Constant(WORD, value)


def _summer(count, width):
    """An intrinsic: `tile_sum` in count vectors of width bytes, of which the last may overlap."""

    @intrinsic
    def tile_sum(typing_context, W, begin, nbytes, idx, weights, lo, hi, far, divisor, out, to):
        kinds = dict(W=W, idx=idx, weights=weights, out=out)
        itemsize = W.dtype.bitwidth // 8

        def generate(context, builder, signature, values):
            W, begin, nbytes, idx, weights, lo, hi, far, divisor, out, to = values
            arrays = dict(W=W, idx=idx, weights=weights, out=out)
            real = context.get_data_type(kinds["W"].dtype)
            step = max(width, itemsize)  # a double is wider than the narrowest
            vector = ir.VectorType(real, step // itemsize)

            def at(name, offset, kind):
                place = pointer(context, builder, kinds[name], arrays[name], offset)
                return builder.bitcast(place, kind.as_pointer())

            def load(name, offset, kind):
                return builder.load(at(name, offset, kind), align=1)

            def sizes(name, part="shape"):
                array = context.make_array(kinds[name])(context, builder, arrays[name])
                return cgutils.unpack_tuple(builder, getattr(array, part))

            def spread(number):
                nothing = ir.Constant(vector, ir.Undefined)
                first = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
                lanes = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
                return builder.shuffle_vector(first, nothing, lanes)

            V, row_bytes = sizes("W")[0], sizes("W", "strides")[0]
            last = builder.sub(sizes("idx")[0], _word(1))
            has_ids = builder.icmp_signed(">=", last, _word(0))
            alike = builder.icmp_signed("==", sizes("weights")[0], _word(0))
            places = [_word(k * step) for k in range(count - 1)]
            places.append(builder.sub(nbytes, _word(step)))
            sums = [cgutils.alloca_once(builder, vector) for _ in places]
            for total in sums:
                builder.store(ir.Constant(vector, None), total)
            row, wrong = (cgutils.alloca_once(builder, WORD) for _ in range(2))
            builder.store(_word(0), wrong)
            with cgutils.for_range_slice(builder, lo, hi, _word(1), WORD) as (n, _):
                builder.store(n, row)
                with builder.if_then(has_ids):
                    builder.store(load("idx", builder.mul(n, _word(8)), WORD), row)
                with builder.if_then(far):
                    later = builder.add(n, _word(AHEAD))
                    inside = builder.icmp_signed("<", later, last)
                    later = builder.mul(builder.select(inside, later, last), _word(8))
                    start = builder.mul(load("idx", later, WORD), row_bytes)
                    for line in range(0, count * width, 64):
                        place = builder.add(start, builder.add(begin, _word(line)))
                        prefetch(context, builder, kinds["W"], arrays["W"], place)
                v = builder.load(row)
                negative = builder.icmp_signed("<", v, _word(0))
                v = builder.select(negative, builder.add(v, V), v)
                outside = builder.icmp_unsigned(">=", v, V)
                v = builder.select(outside, _word(0), v)
                outside = builder.zext(outside, WORD)
                builder.store(builder.or_(builder.load(wrong), outside), wrong)
                start = builder.add(builder.mul(v, row_bytes), begin)
                terms = [load("W", builder.add(start, place), vector) for place in places]
                with builder.if_else(alike) as (first, second):
                    with first:  # a sum waits for less than a product and a sum
                        for term, total in zip(terms, sums, strict=True):
                            builder.store(builder.fadd(builder.load(total), term), total)
                    with second:
                        weight = spread(load("weights", builder.mul(n, _word(itemsize)), real))
                        for term, total in zip(terms, sums, strict=True):
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
        return flag(W, word, word, idx, weights, word, word, flag, word, out, word), generate

    return tile_sum


def _up_to(limit, sums, longer):
    """tile_sum for up to limit bytes; more are for longer."""

    @kernel
    def tile_sum(W, begin, nbytes, idx, weights, lo, hi, far, divisor, out, to):
        if nbytes > limit:
            return longer(W, begin, nbytes, idx, weights, lo, hi, far, divisor, out, to)
        return sums(W, begin, nbytes, idx, weights, lo, hi, far, divisor, out, to)

    return tile_sum


# bytes -> in how many vectors of which width, the fewest
WIDTHS = {8: (2, 4), 16: (2, 8), 32: (2, 16)}
WIDTHS |= {32 * count: (count, 32) for count in range(2, 1 + TILE // 32)}
_tile_sum = None
for limit, vectors in reversed(WIDTHS.items()):
    _summed = _summer(*vectors)
    _tile_sum = _up_to(limit, _summed, _tile_sum) if _tile_sum else _summed
_whole_tile = _summer(*WIDTHS[TILE])


@kernel
def tile_sum(W, begin, nbytes, idx, weights, lo, hi, far, divisor, out, to):
    """Sum a part of rows, the nbytes from begin on, at most TILE; False if an id is no row.

    The bytes of out from to on become the sum over lo <= n < hi of weights[n], 1 if there are none,
    times those of row idx[n] of W, or of row n if there are no ids; divided by divisor if that is
    more than 1. Rows are added in order. They are fetched ahead if far.
    """
    if nbytes == TILE:
        return _whole_tile(W, begin, nbytes, idx, weights, lo, hi, far, divisor, out, to)
    return _tile_sum(W, begin, nbytes, idx, weights, lo, hi, far, divisor, out, to)
