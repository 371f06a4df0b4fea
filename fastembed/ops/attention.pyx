"""Dot-product attention over an encoder's states, all decoder steps at once."""

from fastembed import _check

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from fastembed.kernels._variants cimport chosen, kernel_table, product
from fastembed.ops._costs cimport NS_A_PRODUCT, NS_A_SCORE
from fastembed.ops._fit cimport (
    as_matrix, axis, data, empty, empty_like, entry, is_plain, matrix, real_of, size,
)
from fastembed.ops.dense cimport ns_of
from fastembed.runtime.pool cimport members_for, share, slice_function

cnp.import_array()

cdef slice_function[2] softmax_entry
cdef slice_function[2] softmax_backward_entry

# matrices of one shape, one for each sample of the batch; strides count numbers
ctypedef struct stack:
    char *data
    int64_t count, step, rows, row, columns, col

ctypedef struct products_args:
    product first
    int64_t a_step, b_step, c_step, scratch_size  # bytes
    const kernel_table *table

ctypedef struct softmax_args:
    matrix x, y

ctypedef struct softmax_backward_args:
    matrix dout, y, dx


def time_attention(hs_enc, hs_dec):
    """Weigh the encoder's states by their products with each decoder state, and sum them.

    ``weights[n, t] = softmax(hs_enc[n] @ hs_dec[n, t])``, ``out[n, t] = weights[n, t] @ hs_enc[n]``

    Parameters
    ----------
    hs_enc : (N, T_enc, H) ndarray of float32 or float64
    hs_dec : (N, T_dec, H) ndarray of hs_enc's dtype

    Returns
    -------
    out : (N, T_dec, H) ndarray
    weights : (N, T_dec, T_enc) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs_enc, hs_dec = _states(hs_enc, hs_dec)
    cdef int real = real_of(hs_enc)
    cdef cnp.npy_intp[3] shape
    shape[0], shape[1], shape[2] = axis(hs_dec, 0), axis(hs_dec, 1), axis(hs_enc, 1)
    weights, out = empty(3, shape, real), empty_like(hs_dec, real)
    cdef stack a = stack_of(weights), enc = stack_of(hs_enc)
    products(real, stack_of(hs_dec), transposed(enc), a, False)
    softmax_in_place(real, weights)
    products(real, a, enc, stack_of(out), False)
    return out, weights


def time_attention_backward(dout, hs_enc, hs_dec, weights):
    """Gradients of time_attention.

    Parameters
    ----------
    dout : (N, T_dec, H) ndarray of float32 or float64
        Gradient of out.
    hs_enc : (N, T_enc, H) ndarray of dout's dtype
    hs_dec : (N, T_dec, H) ndarray of dout's dtype
    weights : (N, T_dec, T_enc) ndarray of dout's dtype
        What time_attention gave.

    Returns
    -------
    dhs_enc : (N, T_enc, H) ndarray
    dhs_dec : (N, T_dec, H) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs_enc, hs_dec = _states(hs_enc, hs_dec)
    dout = _batch("dout", dout, hs_dec.shape, hs_enc.dtype)
    weights = _batch("weights", weights, hs_dec.shape[:2] + hs_enc.shape[1:2], hs_enc.dtype)
    cdef int real = real_of(hs_enc)
    ds = empty_like(weights, real)
    dhs_enc, dhs_dec = empty_like(hs_enc, real), empty_like(hs_dec, real)
    cdef stack enc = stack_of(hs_enc), do = stack_of(dout), d = stack_of(ds)
    products(real, do, transposed(enc), d, False)
    softmax_backward_in_place(real, ds, weights)
    products(real, d, enc, stack_of(dhs_dec), False)
    products(real, transposed(stack_of(weights)), do, stack_of(dhs_enc), False)
    products(real, transposed(d), stack_of(hs_dec), stack_of(dhs_enc), True)
    return dhs_enc, dhs_dec


def attention_weight(hs, h):
    """How well each state fits h: ``a[n] = softmax(hs[n] @ h[n])``.

    Parameters
    ----------
    hs : (N, T, H) ndarray of float32 or float64
    h : (N, H) ndarray of hs' dtype

    Returns
    -------
    (N, T) ndarray of hs' dtype

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs, h = _state_and("h", h, hs, 2)
    cdef int real = real_of(hs)
    a = empty(2, cnp.PyArray_DIMS(<cnp.ndarray>hs), real)
    products(real, rows_of(h), transposed(stack_of(hs)), rows_of(a), False)
    softmax_in_place(real, a)
    return a


def attention_weight_backward(da, hs, h, a):
    """Gradients of attention_weight.

    Parameters
    ----------
    da : (N, T) ndarray of float32 or float64
        Gradient of a.
    hs : (N, T, H) ndarray of da's dtype
    h : (N, H) ndarray of da's dtype
    a : (N, T) ndarray of da's dtype
        What attention_weight gave.

    Returns
    -------
    dhs : (N, T, H) ndarray
    dh : (N, H) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs, h = _state_and("h", h, hs, 2)
    hs, a = _state_and("a", a, hs, 1)
    hs, da = _state_and("da", da, hs, 1)
    cdef int real = real_of(hs)
    ds, dhs, dh = da.copy(), empty_like(hs, real), empty_like(h, real)
    softmax_backward_in_place(real, ds, a)
    products(real, transposed(rows_of(ds)), rows_of(h), stack_of(dhs), False)
    products(real, rows_of(ds), stack_of(hs), rows_of(dh), False)
    return dhs, dh


def weight_sum(hs, a):
    """Weighted sum of states: ``c[n] = a[n] @ hs[n]``.

    Parameters
    ----------
    hs : (N, T, H) ndarray of float32 or float64
    a : (N, T) ndarray of hs' dtype

    Returns
    -------
    (N, H) ndarray of hs' dtype

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs, a = _state_and("a", a, hs, 1)
    cdef int real = real_of(hs)
    cdef cnp.npy_intp[2] shape
    shape[0], shape[1] = axis(hs, 0), axis(hs, 2)
    c = empty(2, shape, real)
    products(real, rows_of(a), stack_of(hs), rows_of(c), False)
    return c


def weight_sum_backward(dc, hs, a):
    """Gradients of weight_sum.

    Parameters
    ----------
    dc : (N, H) ndarray of float32 or float64
        Gradient of c.
    hs : (N, T, H) ndarray of dc's dtype
    a : (N, T) ndarray of dc's dtype

    Returns
    -------
    dhs : (N, T, H) ndarray
    da : (N, T) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    hs, a = _state_and("a", a, hs, 1)
    hs, dc = _state_and("dc", dc, hs, 2)
    cdef int real = real_of(hs)
    dhs, da = empty_like(hs, real), empty_like(a, real)
    products(real, transposed(rows_of(a)), rows_of(dc), stack_of(dhs), False)
    products(real, rows_of(dc), transposed(stack_of(hs)), rows_of(da), False)
    return dhs, da


# ---- a product for each sample


cdef stack stack_of(array) noexcept:
    """(N, rows, columns), contiguous."""
    cdef stack s
    s.data, s.count, s.rows, s.columns = <char *>data(array), axis(array, 0), axis(array, 1), axis(array, 2)
    s.step, s.row, s.col = s.rows * s.columns, s.columns, 1
    return s


cdef stack rows_of(array) noexcept:
    """(N, columns), contiguous: each row is a matrix of one row."""
    cdef stack s
    s.data, s.count, s.rows, s.columns = <char *>data(array), axis(array, 0), 1, axis(array, 1)
    s.step, s.row, s.col = s.columns, s.columns, 1
    return s


cdef stack transposed(stack s) noexcept:
    s.rows, s.columns = s.columns, s.rows
    s.row, s.col = s.col, s.row
    return s


cdef int products(int real, stack a, stack b, stack c, bint add) except -1:
    """c[n] = a[n] b[n], or c[n] += a[n] b[n]; the batch is shared out."""
    cdef products_args j
    cdef product *p = &j.first
    cdef int64_t itemsize = 8 if real else 4
    cdef double ns
    cdef int members
    cdef char *scratch
    p.M, p.K, p.N = a.rows, a.columns, b.columns
    p.a, p.a_row, p.a_col = a.data, a.row, a.col
    p.b, p.b_row, p.b_col = b.data, b.row, b.col
    p.c, p.c_row, p.bias, p.add, p.along_rows = c.data, c.row, NULL, add, True
    if c.count * c.rows * c.columns == 0:
        return 0
    j.a_step, j.b_step, j.c_step = a.step * itemsize, b.step * itemsize, c.step * itemsize
    j.table = &chosen.of[real]
    j.scratch_size = j.table.product_scratch(p)
    ns = a.count * (NS_A_PRODUCT + ns_of(p, real))
    members = members_for(ns)
    scratch = <char *>malloc(members * j.scratch_size + 64)
    if scratch == NULL:
        raise MemoryError("no memory for the scratch of matrix products")
    p.scratch = <void *>((<size_t>scratch + 63) & ~<size_t>63)
    try:
        with nogil:
            share(samples, &j, a.count, 1, ns if members > 1 or ns > 1e7 else 0)
    finally:
        free(scratch)
    return 0


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


cdef int softmax_in_place(int real, a) except -1:
    cdef softmax_args args
    args.x = args.y = as_matrix(a)
    run = entry(softmax_entry, "loss.softmax_slices", real)
    if args.x.rows:
        with nogil:
            share(run, &args, args.x.rows, 1, args.x.rows * args.x.columns * NS_A_SCORE)
    return 0


cdef int softmax_backward_in_place(int real, ds, a) except -1:
    cdef softmax_backward_args args
    args.dout = args.dx = as_matrix(ds)
    args.y = as_matrix(a)
    run = entry(softmax_backward_entry, "loss.softmax_backward_slices", real)
    if args.y.rows:
        with nogil:
            share(run, &args, args.y.rows, 1, args.y.rows * args.y.columns * NS_A_SCORE)
    return 0


# ---- checks


def _states(hs_enc, hs_dec):
    hs_enc = _check.floats("hs_enc", hs_enc, ndim=3)
    hs_dec = _check.floats("hs_dec", hs_dec, ndim=3, dtype=hs_enc.dtype)
    N, T_enc, H = hs_enc.shape
    _check.shape("hs_dec", hs_dec, (N, hs_dec.shape[1], H), "(batch and width of hs_enc)")
    return _plain(hs_enc), _plain(hs_dec)


def _state_and(name, array, hs, without):
    """The states and an array of their shape without one axis (1: width, 2: time)."""
    hs = _check.floats("hs", hs, ndim=3)
    N, T, H = hs.shape
    return _plain(hs), _batch(name, array, (N, T) if without == 1 else (N, H), hs.dtype)


def _batch(name, array, expected, dtype):
    array = _check.floats(name, array, ndim=len(expected), dtype=dtype)
    _check.shape(name, array, expected)
    return _plain(array)


cdef _plain(array):
    return array if is_plain(array) else _check.plain(array)
