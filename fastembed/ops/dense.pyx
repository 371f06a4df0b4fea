"""Matrix products and affine maps on our own kernel: no BLAS, no second pool of threads."""

import numpy as np

from fastembed import _check

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from fastembed.kernels._variants cimport chosen, kernel_table, product
from fastembed.ops._costs cimport FLOPS_A_NS
from fastembed.ops._fit cimport (
    apart, axis, data, empty, empty_like, is_real, same_shape, writable,
)
from fastembed.runtime.pool cimport members_for, share_among

cnp.import_array()

cdef enum:
    FEW_BYTES = 1 << 13  # scratch that needs no memory of its own

cdef double BRIEF = 5e3  # nanoseconds for which the GIL is kept: giving it up costs 50 or so

# a matrix of numbers anywhere in memory: how far apart its rows and columns are, in numbers
ctypedef struct grid:
    void *data
    int64_t rows, columns, row, col

cdef float ONE_FLOAT = 1
cdef double ONE_DOUBLE = 1


def matmul(a, b, *, out=None):
    """Multiply two matrices: ``out = a @ b``.

    Transposed views are used as they lie in memory, without a copy.

    Parameters
    ----------
    a : (M, K) ndarray of float32 or float64
    b : (K, N) ndarray of a's dtype
    out : (M, N) ndarray of a's dtype, optional
        Result to fill. Must not overlap a or b.

    Returns
    -------
    (M, N) ndarray
        ``out``, or a new array.

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    result = matmul_if_fit(a, b, out)
    return _matmul_any(a, b, out) if result is None else result


def affine(x, W, b):
    """Multiply and add a bias to every row: ``x @ W + b``.

    Parameters
    ----------
    x : (..., D) ndarray of float32 or float64
        Two axes or more: (N, D), (N, T, D).
    W : (D, H) ndarray of x's dtype
    b : (H,) ndarray of x's dtype

    Returns
    -------
    (..., H) ndarray of x's dtype

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    result = affine_if_fit(x, W, b)
    return _affine_any(x, W, b) if result is None else result


def affine_backward(dout, x, W, *, out=None):
    """Gradients of affine.

    Parameters
    ----------
    dout : (..., H) ndarray of float32 or float64
        Gradient of affine's result.
    x : (..., D) ndarray of dout's dtype
    W : (D, H) ndarray of dout's dtype
    out : (dW, db), optional
        Arrays to overwrite, (D, H) and (H,) of dout's dtype. Must not overlap the inputs.

    Returns
    -------
    dx : (..., D) ndarray
    dW : (D, H) ndarray
    db : (H,) ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    result = affine_backward_if_fit(dout, x, W, out)
    return _affine_backward_any(dout, x, W, out) if result is None else result


# ---- doors


cdef inline int _real(object x) noexcept:
    """0 for a float32 array of any layout, 1 for float64, -1 for what does not fit."""
    cdef int kind
    if not cnp.PyArray_CheckExact(x) or not cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>x):
        return -1
    kind = cnp.PyArray_TYPE(<cnp.ndarray>x)
    return 0 if kind == cnp.NPY_FLOAT32 else 1 if kind == cnp.NPY_FLOAT64 else -1


cdef bint as_grid(object x, int real, grid *g) noexcept:
    """Whether x is of that dtype, and all its axes but the last together are evenly spaced rows."""
    cdef int64_t itemsize = 8 if real else 4, step = 0, length
    cdef int last, k
    if _real(x) != real:
        return False
    last = cnp.PyArray_NDIM(<cnp.ndarray>x) - 1
    if last < 1:
        return False
    g.data, g.rows, g.columns = data(x), 1, axis(x, last)
    for k in range(last - 1, -1, -1):
        length = axis(x, k)
        if length > 1 and g.rows == 1:
            step = cnp.PyArray_STRIDE(<cnp.ndarray>x, k)
        elif length > 1 and g.rows and cnp.PyArray_STRIDE(<cnp.ndarray>x, k) != step * g.rows:
            return False
        g.rows *= length
    g.col = cnp.PyArray_STRIDE(<cnp.ndarray>x, last) if g.columns > 1 else itemsize
    if step % itemsize or g.col % itemsize:
        return False
    g.row = step // itemsize if g.rows > 1 else g.columns
    g.col //= itemsize
    return True


cdef inline grid turned(grid g) noexcept:
    g.rows, g.columns = g.columns, g.rows
    g.row, g.col = g.col, g.row
    return g


cdef inline void set_operands(product *p, grid a, grid b) noexcept:
    p.M, p.K, p.N = a.rows, a.columns, b.columns
    p.a, p.a_row, p.a_col = a.data, a.row, a.col
    p.b, p.b_row, p.b_col = b.data, b.row, b.col
    p.bias, p.add = NULL, False


cdef bint set_result(product *p, grid c) noexcept:
    """Let c be the result; False if neither its rows nor its columns are contiguous and apart."""
    if c.rows != p.M or c.columns != p.N:
        return False
    p.c, p.c_row = c.data, c.row
    if p.bias == NULL and c.row == 1 and p.M > 1 and (p.N == 1 or c.col >= p.M):
        p.M, p.N = p.N, p.M  # all transposed
        p.a, p.b = p.b, p.a
        p.a_row, p.a_col, p.b_row, p.b_col = p.b_col, p.b_row, p.a_col, p.a_row
        p.c_row = c.col if p.M > 1 else p.N
        return True
    return c.col == 1 and (p.M <= 1 or c.row >= p.N)


cdef inline bint set_new(product *p, object c) noexcept:
    """Let c, a new array, be the result."""
    cdef grid g
    g.data, g.rows, g.row, g.columns, g.col = data(c), p.M, p.N, p.N, 1
    return set_result(p, g)


cdef double ns_of(const product *p, int real) noexcept nogil:
    return 2.0 * p.M * p.N * p.K / FLOPS_A_NS * (2 if real else 1)


cdef int multiply(product *p, int real) except -1 nogil:
    """Compute p.c on the pool; its other fields are set."""
    cdef int status
    cdef char[FEW_BYTES + 64] few
    cdef char *scratch = few
    cdef double ns = ns_of(p, real)
    cdef int members = members_for(ns)
    cdef const kernel_table *table = &chosen.of[real]
    cdef size_t nbytes
    if p.M == 0 or p.N == 0:
        return 0
    p.along_rows = p.M > p.N
    nbytes = members * table.product_scratch(p)
    if nbytes > FEW_BYTES:
        scratch = <char *>malloc(nbytes + 64)
        if scratch == NULL:
            with gil:
                raise MemoryError("no memory for the scratch of a matrix product")
    p.scratch = <void *>((<size_t>scratch + 63) & ~<size_t>63)
    status = share_among(members, table.product, p, table.product_units(p), 1, ns)
    if scratch != few:
        free(scratch)
    return status


cdef int run(product *p, int real) except -1:
    """The same; the GIL is given up where that costs little beside the product."""
    if ns_of(p, real) < BRIEF:
        return multiply(p, real)
    with nogil:
        return multiply(p, real)


cpdef matmul_if_fit(a, b, out=None):
    """`matmul`, or None if an argument does not fit as it is."""
    cdef product p
    cdef grid left, right, result
    cdef cnp.npy_intp[2] shape
    cdef int real = _real(a)
    if real < 0 or not as_grid(a, real, &left) or not as_grid(b, real, &right):
        return None
    if cnp.PyArray_NDIM(<cnp.ndarray>a) != 2 or cnp.PyArray_NDIM(<cnp.ndarray>b) != 2:
        return None
    if left.columns != right.rows:
        return None
    set_operands(&p, left, right)
    if out is None:
        shape[0], shape[1] = p.M, p.N
        out = empty(2, shape, real)
        set_new(&p, out)
    elif not (
        as_grid(out, real, &result) and cnp.PyArray_NDIM(<cnp.ndarray>out) == 2 and writable(out)
        and set_result(&p, result) and apart(out, a) and apart(out, b)
    ):
        return None
    run(&p, real)
    return out


cpdef affine_if_fit(x, W, b=None):
    """`affine`, or None if an argument does not fit as it is."""
    cdef product p
    cdef grid left, right
    cdef cnp.npy_intp[64] shape  # as many axes as NumPy has
    cdef int real = _real(x), ndim, k
    if real < 0 or not as_grid(x, real, &left) or not as_grid(W, real, &right):
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    if cnp.PyArray_NDIM(<cnp.ndarray>W) != 2 or left.columns != right.rows:
        return None
    set_operands(&p, left, right)
    if b is not None:
        if not is_real(b, 1, real) or axis(b, 0) != p.N:
            return None
        p.bias = data(b)
    for k in range(ndim - 1):
        shape[k] = axis(x, k)
    shape[ndim - 1] = p.N
    out = empty(ndim, shape, real)
    set_new(&p, out)
    run(&p, real)
    return out


cpdef affine_backward_if_fit(dout, x, W, out=None):
    """`affine_backward`, or None, and nothing is written, if an argument does not fit as it is.

    With out = (dW,) there is no bias, and db is None.
    """
    cdef product dx_job, dW_job, db_job
    cdef grid of_dout, of_x, of_W, of_dW
    cdef cnp.npy_intp[2] shape
    cdef int real = _real(dout), ndim
    if real < 0 or not as_grid(dout, real, &of_dout) or not as_grid(x, real, &of_x):
        return None
    ndim = cnp.PyArray_NDIM(<cnp.ndarray>x)
    if cnp.PyArray_NDIM(<cnp.ndarray>dout) != ndim or not same_shape(dout, x, ndim - 1):
        return None
    if not as_grid(W, real, &of_W) or cnp.PyArray_NDIM(<cnp.ndarray>W) != 2:
        return None
    if of_W.rows != of_x.columns or of_W.columns != of_dout.columns:
        return None
    set_operands(&dx_job, of_dout, turned(of_W))
    set_operands(&dW_job, turned(of_x), of_dout)
    if out is None:
        shape[0], shape[1] = dW_job.M, dW_job.N
        dW, db = empty(2, shape, real), empty(1, shape + 1, real)
        set_new(&dW_job, dW)
    elif type(out) not in (tuple, list) or not 1 <= len(out) <= 2:
        return None
    else:
        dW, db = out[0], out[1] if len(out) == 2 else None
        if not as_grid(dW, real, &of_dW) or cnp.PyArray_NDIM(<cnp.ndarray>dW) != 2:
            return None
        if not writable(dW) or not set_result(&dW_job, of_dW) or not _apart_from(dW, dout, x, W):
            return None
        if db is not None and not (
            is_real(db, 1, real) and writable(db) and axis(db, 0) == of_dout.columns
            and apart(dW, db) and _apart_from(db, dout, x, W)
        ):
            return None
    dx = empty_like(x, real)
    set_new(&dx_job, dx)
    if db is not None:
        sum_rows(&db_job, of_dout, real, data(db))
        run(&db_job, real)
    run(&dx_job, real)
    run(&dW_job, real)
    return dx, dW, db


cdef inline bint _apart_from(out, dout, x, W) noexcept:
    return apart(out, dout) and apart(out, x) and apart(out, W)


cdef void sum_rows(product *p, grid of, int real, void *out) noexcept:
    """Out = the sum of the rows: a row of ones times them."""
    cdef grid ones
    ones.data = <void *>&ONE_DOUBLE if real else <void *>&ONE_FLOAT
    ones.rows, ones.columns, ones.row, ones.col = 1, of.rows, 0, 0
    set_operands(p, ones, of)
    p.c, p.c_row = out, p.N


# ---- arguments that do not fit as they are


def _matmul_any(a, b, out):
    a = _check.floats("a", a, ndim=2)
    b = _check.floats("b", b, ndim=2, dtype=a.dtype)
    M, K = a.shape
    _check.shape("b", b, (K, b.shape[1]), "(columns of a, any)")
    if out is not None:
        _check.output("out", out, (M, b.shape[1]), a.dtype, {"a": a, "b": b})
    result = matmul_if_fit(_check.plain(a), _check.plain(b))
    if out is None:
        return result
    out[...] = result
    return out


def _affine_any(x, W, b):
    x = _rows("x", _check.floats("x", x))
    W = _check.floats("W", W, ndim=2, dtype=x.dtype)
    b = _check.floats("b", b, ndim=1, dtype=x.dtype)
    _check.shape("W", W, (x.shape[x.ndim - 1], W.shape[1]), "(columns of x, any)")
    _check.shape("b", b, W.shape[1:], "(columns of W,)")
    return affine_if_fit(_check.plain(x), _check.plain(W), _check.plain(b))


def _affine_backward_any(dout, x, W, out):
    dout = _rows("dout", _check.floats("dout", dout))
    x = _rows("x", _check.floats("x", x, dtype=dout.dtype))
    W = _check.floats("W", W, ndim=2, dtype=dout.dtype)
    D, H = x.shape[x.ndim - 1], dout.shape[dout.ndim - 1]
    _check.shape("x", x, (*dout.shape[: dout.ndim - 1], D), "(rows of dout, any)")
    _check.shape("W", W, (D, H), "(columns of x, columns of dout)")
    if out is not None:
        _check.several("out", out, 2)
        inputs = {"dout": dout, "x": x, "W": W}
        dW = _check.output("out[0]", out[0], (D, H), dout.dtype, inputs)
        db = _check.output("out[1]", out[1], (H,), dout.dtype, {**inputs, "out[0]": dW})
    dx, *grads = affine_backward_if_fit(*map(_check.plain, (dout, x, W)))
    if out is None:
        return dx, *grads
    dW[...], db[...] = grads
    return dx, dW, db


def _rows(name, array):
    if array.ndim < 2:
        raise ValueError(f"{name} must have 2 axes or more, got shape {array.shape}")
    return array
