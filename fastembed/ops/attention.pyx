"""Dot-product attention over an encoder's states, all decoder steps at once."""

cimport numpy as cnp
from libc.stdint cimport int64_t

from fastembed.kernels.simd cimport chosen, kernel_table, product
from fastembed.ops._costs cimport NS_A_PRODUCT
from fastembed.ops._fit cimport axis, data, empty_like, empty_rows
from fastembed.ops._signature cimport Signature, ref
from fastembed.ops.dense cimport grid, ns_of, set_operands, turned
from fastembed.ops.loss cimport softmax_backward_into, softmax_into
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport members_for, share_among

cnp.import_array()

# matrices of one shape, one for each sample of the batch; a step counts numbers
ctypedef struct stack:
    grid first
    int64_t count, step

ctypedef struct products_args:
    product first
    int64_t a_step, b_step, c_step, scratch_size  # bytes
    const kernel_table *table


cdef Signature ATTENTION = Signature("""
    hs_enc (N, S, H)
    hs_dec (N, T, H)
    > out (N, T, H)
    > weights (N, T, S)
""")
cdef Signature ATTENTION_BACKWARD = Signature(
    """
    dout (N, T, H): Gradient of out.
    hs_enc (N, S, H)
    hs_dec (N, T, H)
    weights (N, T, S): What time_attention gave.
    > dhs_enc (N, S, H)
    > dhs_dec (N, T, H)
    """,
    order="hs_enc hs_dec dout weights",
)
cdef Signature WEIGHT = Signature("""
    hs (N, T, H)
    h (N, H)
    > a (N, T)
""")
cdef Signature WEIGHT_BACKWARD = Signature(
    """
    da (N, T): Gradient of a.
    hs (N, T, H)
    h (N, H)
    a (N, T): What attention_weight gave.
    > dhs (N, T, H)
    > dh (N, H)
    """,
    order="hs h a da",
)
cdef Signature SUM = Signature("""
    hs (N, T, H)
    a (N, T)
    > c (N, H)
""")
cdef Signature SUM_BACKWARD = Signature(
    """
    dc (N, H): Gradient of c.
    hs (N, T, H)
    a (N, T)
    > dhs (N, T, H)
    > da (N, T)
    """,
    order="hs a dc",
)


@ATTENTION.documents
def time_attention(hs_enc, hs_dec):
    """Weigh the encoder's states by their products with each decoder state, and sum them.

    ``weights[n, t] = softmax(hs_enc[n] @ hs_dec[n, t])``, ``out[n, t] = weights[n, t] @ hs_enc[n]``
    """
    cdef int real = ATTENTION.fits([<ref>hs_enc, <ref>hs_dec])
    if real < 0:
        return ATTENTION.again(time_attention, (hs_enc, hs_dec))
    weights, out = empty_rows(hs_dec, 2, axis(hs_enc, 1), real), empty_like(hs_dec, real)
    cdef stack a = stack_of(weights), enc = stack_of(hs_enc)
    products(real, stack_of(hs_dec), transposed(enc), a, False)
    softmax_into(real, weights, weights)
    products(real, a, enc, stack_of(out), False)
    return out, weights


@ATTENTION_BACKWARD.documents
def time_attention_backward(dout, hs_enc, hs_dec, weights):
    """Gradients of time_attention."""
    cdef int real = ATTENTION_BACKWARD.fits([<ref>dout, <ref>hs_enc, <ref>hs_dec, <ref>weights])
    if real < 0:
        given = dout, hs_enc, hs_dec, weights
        return ATTENTION_BACKWARD.again(time_attention_backward, given)
    ds = empty_like(weights, real)
    dhs_enc, dhs_dec = empty_like(hs_enc, real), empty_like(hs_dec, real)
    cdef stack enc = stack_of(hs_enc), do = stack_of(dout), d = stack_of(ds)
    products(real, do, transposed(enc), d, False)
    softmax_backward_into(real, ds, weights, ds)
    products(real, d, enc, stack_of(dhs_dec), False)
    products(real, transposed(stack_of(weights)), do, stack_of(dhs_enc), False)
    products(real, transposed(d), stack_of(hs_dec), stack_of(dhs_enc), True)
    return dhs_enc, dhs_dec


@WEIGHT.documents
def attention_weight(hs, h):
    """How well each state fits h: ``a[n] = softmax(hs[n] @ h[n])``."""
    cdef int real = WEIGHT.fits([<ref>hs, <ref>h])
    if real < 0:
        return WEIGHT.again(attention_weight, (hs, h))
    a = empty_rows(hs, 1, axis(hs, 1), real)
    products(real, stack_of(h), transposed(stack_of(hs)), stack_of(a), False)
    softmax_into(real, a, a)
    return a


@WEIGHT_BACKWARD.documents
def attention_weight_backward(da, hs, h, a):
    """Gradients of attention_weight."""
    cdef int real = WEIGHT_BACKWARD.fits([<ref>da, <ref>hs, <ref>h, <ref>a])
    if real < 0:
        return WEIGHT_BACKWARD.again(attention_weight_backward, (da, hs, h, a))
    ds, dhs, dh = da.copy(), empty_like(hs, real), empty_like(h, real)
    softmax_backward_into(real, ds, a, ds)
    products(real, transposed(stack_of(ds)), stack_of(h), stack_of(dhs), False)
    products(real, stack_of(ds), stack_of(hs), stack_of(dh), False)
    return dhs, dh


@SUM.documents
def weight_sum(hs, a):
    """Weighted sum of states: ``c[n] = a[n] @ hs[n]``."""
    cdef int real = SUM.fits([<ref>hs, <ref>a])
    if real < 0:
        return SUM.again(weight_sum, (hs, a))
    c = empty_rows(hs, 1, axis(hs, 2), real)
    products(real, stack_of(a), stack_of(hs), stack_of(c), False)
    return c


@SUM_BACKWARD.documents
def weight_sum_backward(dc, hs, a):
    """Gradients of weight_sum."""
    cdef int real = SUM_BACKWARD.fits([<ref>dc, <ref>hs, <ref>a])
    if real < 0:
        return SUM_BACKWARD.again(weight_sum_backward, (dc, hs, a))
    dhs, da = empty_like(hs, real), empty_like(a, real)
    products(real, transposed(stack_of(a)), stack_of(dc), stack_of(dhs), False)
    products(real, stack_of(dc), transposed(stack_of(hs)), stack_of(da), False)
    return dhs, da


# ---- a product for each sample


cdef stack stack_of(array) noexcept:
    """(N, rows, columns), contiguous; or (N, columns), each row a matrix."""
    cdef stack s
    cdef bint flat = cnp.PyArray_NDIM(<cnp.ndarray>array) == 2
    s.count, s.first.data = axis(array, 0), data(array)
    s.first.rows, s.first.columns = 1 if flat else axis(array, 1), axis(array, 1 if flat else 2)
    s.first.row, s.first.col, s.step = s.first.columns, 1, s.first.rows * s.first.columns
    return s


cdef stack transposed(stack s) noexcept:
    s.first = turned(s.first)
    return s


cdef int products(int real, stack a, stack b, stack c, bint add) except -1:
    """c[n] = a[n] b[n], or c[n] += a[n] b[n]; the batch is shared out."""
    cdef products_args j
    cdef int64_t itemsize = 8 if real else 4
    cdef double ns
    cdef int members
    cdef Memory scratch
    if c.count * c.step == 0:
        return 0
    set_operands(&j.first, a.first, b.first)
    j.first.c, j.first.c_row, j.first.add, j.first.along_rows = c.first.data, c.first.row, add, True
    j.a_step, j.b_step, j.c_step = a.step * itemsize, b.step * itemsize, c.step * itemsize
    j.table = &chosen.of[real]
    j.scratch_size = j.table.product_scratch(&j.first)
    ns = a.count * (NS_A_PRODUCT + ns_of(&j.first, real))
    members = members_for(ns)
    scratch = take(members * j.scratch_size)
    j.first.scratch = scratch.start
    with nogil:
        return share_among(members, samples, &j, a.count, 1, ns)


cdef void samples(const void *args, int64_t lo, int64_t hi, int64_t member) noexcept nogil:
    cdef const products_args *j = <const products_args *>args
    cdef product p
    cdef int64_t n
    for n in range(lo, hi):
        p = j.first
        p.a = <const char *>p.a + n * j.a_step
        p.b = <const char *>p.b + n * j.b_step
        p.c = <char *>p.c + n * j.c_step
        p.scratch = <char *>p.scratch + member * j.scratch_size
        j.table.product(&p, 0, j.table.product_units(&p), 0)
