"""Matrix products and affine maps on our own kernel: no BLAS, no second pool of threads."""

import numpy as np

from fastembed import _check

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from fastembed.kernels._variants cimport chosen, kernel_table, product
from fastembed.ops._costs cimport FLOPS_A_NS
from fastembed.ops._fit cimport (
    apart, axis, data, empty, is_real, real_with, same_shape, typenum, writable,
)
from fastembed.runtime.pool cimport members_for, share

cnp.import_array()

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
    x : (N, D) ndarray of float32 or float64
    W : (D, H) ndarray of x's dtype
    b : (H,) ndarray of x's dtype

    Returns
    -------
    (N, H) ndarray of x's dtype

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
    dout : (N, H) ndarray of float32 or float64
        Gradient of affine's result.
    x : (N, D) ndarray of dout's dtype
    W : (D, H) ndarray of dout's dtype
    out : (dW, db), optional
        Arrays to overwrite, (D, H) and (H,) of dout's dtype. Must not overlap the inputs.

    Returns
    -------
    dx : (N, D) ndarray
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


cdef inline bint _strides(object x, int real, int64_t *row, int64_t *col) noexcept:
    """Whether x is a matrix of that dtype in any layout, and how it lies, counted in numbers."""
    cdef int64_t itemsize = 8 if real else 4
    if not (
        cnp.PyArray_CheckExact(x)
        and cnp.PyArray_NDIM(<cnp.ndarray>x) == 2
        and cnp.PyArray_TYPE(<cnp.ndarray>x) == typenum(real)
        and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>x)
    ):
        return False
    row[0] = cnp.PyArray_STRIDE(<cnp.ndarray>x, 0)
    col[0] = cnp.PyArray_STRIDE(<cnp.ndarray>x, 1)
    if row[0] % itemsize or col[0] % itemsize:
        return False
    row[0] //= itemsize
    col[0] = col[0] // itemsize if axis(x, 1) > 1 else 1
    return True


cdef bint set_left(product *p, object a, int real) noexcept:
    """Let a be p's left operand; False if it does not fit."""
    cdef int64_t row, col
    if not _strides(a, real, &row, &col):
        return False
    p.M, p.K = axis(a, 0), axis(a, 1)
    p.a, p.a_row, p.a_col = data(a), row, col
    return True


cdef bint set_right(product *p, object b, int real) noexcept:
    """Let b be p's right operand; False if it does not fit."""
    cdef int64_t row, col
    if not _strides(b, real, &row, &col) or axis(b, 0) != p.K:
        return False
    p.N = axis(b, 1)
    p.b, p.b_row, p.b_col = data(b), row, col
    p.bias, p.add = NULL, False
    return True


cdef bint _set_out(product *p, object c, int real) noexcept:
    """Let c be p's result, transposing all if its rows lie side by side; False if neither fits."""
    cdef int64_t row, col
    if not _strides(c, real, &row, &col) or not writable(c):
        return False
    if axis(c, 0) != p.M or axis(c, 1) != p.N:
        return False
    p.c, p.c_row = data(c), p.N
    if p.M == 0 or p.N == 0:
        return True
    if col == 1 and (row >= p.N or p.M == 1):
        p.c_row = row
        return True
    if (row == 1 or p.M == 1) and (col >= p.M or p.N == 1) and p.bias == NULL:
        p.M, p.N = p.N, p.M
        p.a, p.b = p.b, p.a
        p.a_row, p.a_col, p.b_row, p.b_col = p.b_col, p.b_row, p.a_col, p.a_row
        p.c_row = col
        return True
    return False


cdef double ns_of(const product *p, int real) noexcept nogil:
    return 2.0 * p.M * p.N * p.K / FLOPS_A_NS * (2 if real else 1)


cdef int multiply(product *p, int real) except -1 nogil:
    """Compute p.c on the pool; its other fields are set."""
    cdef int status
    cdef char *scratch
    cdef double ns = ns_of(p, real)
    cdef int members = members_for(ns)
    cdef const kernel_table *table = &chosen.of[real]
    if p.M == 0 or p.N == 0:
        return 0
    p.along_rows = p.M > p.N
    scratch = <char *>malloc(members * table.product_scratch(p) + 64)
    if scratch == NULL:
        with gil:
            raise MemoryError("no memory for the scratch of a matrix product")
    p.scratch = <void *>((<size_t>scratch + 63) & ~<size_t>63)
    if members == 1:
        status = share(table.product, p, table.product_units(p), 1, ns if ns > 1e7 else 0)
    else:
        status = share(table.product, p, table.product_units(p), 1, ns)
    free(scratch)
    return status


cpdef matmul_if_fit(a, b, out=None):
    """`matmul`, or None if an argument does not fit as it is."""
    cdef product p
    cdef cnp.npy_intp[2] shape
    cdef int real = _real_of_matrix(a)
    if real < 0 or not set_left(&p, a, real) or not set_right(&p, b, real):
        return None
    if out is None:
        shape[0], shape[1] = p.M, p.N
        out = empty(2, shape, real)
    if not _set_out(&p, out, real) or not apart(out, a) or not apart(out, b):
        return None
    with nogil:
        multiply(&p, real)
    return out


cpdef affine_if_fit(x, W, b):
    """`affine`, or None if an argument does not fit as it is."""
    cdef product p
    cdef cnp.npy_intp[2] shape
    cdef int real = _real_of_matrix(x)
    if real < 0 or not set_left(&p, x, real) or not set_right(&p, W, real):
        return None
    if not is_real(b, 1, real) or axis(b, 0) != p.N:
        return None
    shape[0], shape[1] = p.M, p.N
    out = empty(2, shape, real)
    p.c, p.c_row, p.bias = data(out), p.N, data(b)
    with nogil:
        multiply(&p, real)
    return out


cpdef affine_backward_if_fit(dout, x, W, out=None):
    """`affine_backward`, or None, and nothing is written, if an argument does not fit as it is."""
    cdef product dx_job, dW_job, db_job
    cdef cnp.npy_intp[2] shape
    cdef int real = real_with(dout, 2)
    cdef int64_t row, col
    if real < 0 or not set_left(&dx_job, dout, real):
        return None
    if not _strides(x, real, &row, &col) or axis(x, 0) != axis(dout, 0):
        return None
    dW_job.M, dW_job.K = axis(x, 1), axis(x, 0)
    dW_job.a, dW_job.a_row, dW_job.a_col = data(x), col, row  # transposed
    set_right(&dW_job, dout, real)
    if not _strides(W, real, &row, &col) or axis(W, 0) != axis(x, 1) or axis(W, 1) != dx_job.K:
        return None
    dx_job.N, dx_job.bias, dx_job.add = axis(W, 0), NULL, False
    dx_job.b, dx_job.b_row, dx_job.b_col = data(W), col, row  # transposed
    if out is None:
        shape[0], shape[1] = dW_job.M, dW_job.N
        dW, db = empty(2, shape, real), empty(1, shape + 1, real)
    else:
        dW, db = out
    if not _set_out(&dW_job, dW, real) or not is_real(db, 1, real) or not writable(db):
        return None
    if axis(db, 0) != dx_job.K or not apart(dW, db):
        return None
    for array in (dout, x, W):
        if not apart(array, dW) or not apart(array, db):
            return None
    shape[0], shape[1] = dx_job.M, dx_job.N
    dx = empty(2, shape, real)
    dx_job.c, dx_job.c_row = data(dx), dx_job.N
    sum_rows(&db_job, &dx_job, real, data(db))
    with nogil:
        multiply(&dx_job, real)
        multiply(&dW_job, real)
        multiply(&db_job, real)
    return dx, dW, db


cdef void sum_rows(product *p, const product *of, int real, void *out) noexcept:
    """Out = the sum of the rows of another product's left operand: a row of ones times it."""
    p.M, p.K, p.N = 1, of.M, of.K
    p.a = <const void *>&ONE_DOUBLE if real else <const void *>&ONE_FLOAT
    p.a_row = p.a_col = 0
    p.b, p.b_row, p.b_col = of.a, of.a_row, of.a_col
    p.c, p.c_row, p.bias, p.add = out, p.N, NULL, False


cdef inline int _real_of_matrix(object x) noexcept:
    """0 for float32, 1 for float64, -1 for anything else; the layout is looked at later."""
    if not cnp.PyArray_CheckExact(x):
        return -1
    cdef int kind = cnp.PyArray_TYPE(<cnp.ndarray>x)
    return 0 if kind == cnp.NPY_FLOAT32 else 1 if kind == cnp.NPY_FLOAT64 else -1


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
    x = _check.floats("x", x, ndim=2)
    W = _check.floats("W", W, ndim=2, dtype=x.dtype)
    b = _check.floats("b", b, ndim=1, dtype=x.dtype)
    _check.shape("W", W, (x.shape[1], W.shape[1]), "(columns of x, any)")
    _check.shape("b", b, W.shape[1:], "(columns of W,)")
    return affine_if_fit(_check.plain(x), _check.plain(W), _check.plain(b))


def _affine_backward_any(dout, x, W, out):
    dout = _check.floats("dout", dout, ndim=2)
    x = _check.floats("x", x, ndim=2, dtype=dout.dtype)
    W = _check.floats("W", W, ndim=2, dtype=dout.dtype)
    N, H = dout.shape
    D = x.shape[1]
    _check.shape("x", x, (N, D), "(rows of dout, any)")
    _check.shape("W", W, (D, H), "(columns of x, columns of dout)")
    if out is not None:
        inputs = {"dout": dout, "x": x, "W": W}
        dW = _check.output("out[0]", out[0], (D, H), dout.dtype, inputs)
        db = _check.output("out[1]", out[1], (H,), dout.dtype, {**inputs, "out[0]": dW})
    dx, *grads = affine_backward_if_fit(*map(_check.plain, (dout, x, W)))
    if out is None:
        return dx, *grads
    dW[...], db[...] = grads
    return dx, dW, db
