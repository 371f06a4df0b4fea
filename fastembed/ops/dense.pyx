"""Matrix products and affine maps on our own kernel: no BLAS, no second pool of threads."""

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from fastembed.kernels.simd cimport chosen, kernel_table, product
from fastembed.ops._costs cimport FLOPS_A_NS
from fastembed.ops._fit cimport axis, data, empty_like, empty_rows, size
from fastembed.ops._signature cimport Signature, places, ref
from fastembed.runtime.pool cimport members_for, share_among

cnp.import_array()

cdef enum:
    FEW_BYTES = 1 << 13  # scratch that needs no memory of its own

cdef double BRIEF = 5e3  # nanoseconds for which the GIL is kept: giving it up costs 50 or so

cdef float ONE_FLOAT = 1
cdef double ONE_DOUBLE = 1


cdef Signature MATMUL = Signature("""
    a (M, K) any
    b (K, N) any
    + out (M, N) any
""")
cdef Signature AFFINE = Signature("""
    x (N, ..., D) any
    W (D, H) any
    b (H) optional
    > out (..., H)
""")
cdef Signature AFFINE_BACKWARD = Signature("""
    dout (N, ..., H) any: Gradient of affine's result.
    x (N, ..., D) any
    W (D, H) any
    > dx (..., D)
    + dW (D, H) any
    + db (H)
""")


@MATMUL.documents
def matmul(a, b, *, out=None):
    """Multiply two matrices, which may be transposed views: ``out = a @ b``."""
    result = matmul_if_fit(a, b, out)
    return MATMUL.again(matmul_if_fit, (a, b), out) if result is None else result


@AFFINE.documents
def affine(x, W, b):
    """Multiply and add a bias to every row: ``x @ W + b``."""
    result = affine_if_fit(x, W, b)
    return AFFINE.again(affine_if_fit, (x, W, b)) if result is None else result


@AFFINE_BACKWARD.documents
def affine_backward(dout, x, W, *, out=None):
    """Gradients of affine."""
    result = affine_backward_if_fit(dout, x, W, out)
    return AFFINE_BACKWARD.again(affine_backward_if_fit, (dout, x, W), out) if result is None else result


cdef bint as_grid(object x, grid *g) noexcept:
    """Whether all axes of an array of floats but the last together are evenly spaced rows."""
    cdef int64_t itemsize = cnp.PyArray_ITEMSIZE(<cnp.ndarray>x), step = 0, length
    cdef int last = cnp.PyArray_NDIM(<cnp.ndarray>x) - 1, k
    cdef bint some = size(x) > 0  # without entries, steps mean nothing
    g.data, g.rows, g.columns = data(x), 1, axis(x, last)
    for k in range(last - 1, -1, -1):
        length = axis(x, k)
        if length > 1 and g.rows == 1:
            step = cnp.PyArray_STRIDE(<cnp.ndarray>x, k)
        elif length > 1 and some and cnp.PyArray_STRIDE(<cnp.ndarray>x, k) != step * g.rows:
            return False
        g.rows *= length
    g.col = cnp.PyArray_STRIDE(<cnp.ndarray>x, last) if g.columns > 1 else itemsize
    if some and (step % itemsize or g.col % itemsize):
        return False
    g.row = step // itemsize if g.rows > 1 else g.columns
    g.col //= itemsize
    return True


cdef void set_operands(product *p, grid a, grid b) noexcept nogil:
    """Let p be a b."""
    p.M, p.K, p.N = a.rows, a.columns, b.columns
    p.a, p.a_row, p.a_col = a.data, a.row, a.col
    p.b, p.b_row, p.b_col = b.data, b.row, b.col
    p.bias, p.add = NULL, False


cdef bint set_result(product *p, grid c) noexcept nogil:
    """Let c be the result; False if neither its rows nor its columns are contiguous and apart."""
    p.c, p.c_row = c.data, c.row
    if p.M == 0 or p.N == 0:
        return True
    if p.bias == NULL and c.row == 1 and p.M > 1 and (p.N == 1 or c.col >= p.M):
        p.M, p.N = p.N, p.M  # all transposed
        p.a, p.b = p.b, p.a
        p.a_row, p.a_col, p.b_row, p.b_col = p.b_col, p.b_row, p.a_col, p.a_row
        p.c_row = c.col if p.M > 1 else p.N
        return True
    return c.col == 1 and (p.M <= 1 or c.row >= p.N)


cdef double ns_of(const product *p, int real) noexcept nogil:
    return 2.0 * p.M * p.N * p.K / FLOPS_A_NS * (2 if real else 1)


cdef int multiply(product *p, int real) except -1 nogil:
    """Compute p.c on the pool; its other fields are set."""
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
    try:
        return share_among(members, table.product, p, table.product_units(p), 1, ns)
    finally:  # a signal handler may have raised
        if scratch != few:
            free(scratch)


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
    cdef int real = MATMUL.fits([<ref>a, <ref>b, <ref>out])
    if real < 0 or not as_grid(a, &left) or not as_grid(b, &right):
        return None
    set_operands(&p, left, right)
    if out is None:
        out = empty_rows(a, 1, p.N, real)
    if not as_grid(out, &result) or not set_result(&p, result):
        return None
    run(&p, real)
    return out


cpdef affine_if_fit(x, W, b=None):
    """`affine`, or None if an argument does not fit as it is; no b, no sum."""
    cdef product p
    cdef grid left, right, result
    cdef int real = AFFINE.fits([<ref>x, <ref>W, <ref>b])
    if real < 0 or not as_grid(x, &left) or not as_grid(W, &right):
        return None
    set_operands(&p, left, right)
    if b is not None:
        p.bias = data(b)
    out = empty_rows(x, cnp.PyArray_NDIM(<cnp.ndarray>x) - 1, p.N, real)
    as_grid(out, &result)
    set_result(&p, result)
    run(&p, real)
    return out


cpdef affine_backward_if_fit(dout, x, W, out=None):
    """`affine_backward`, or None, and nothing is written, if an argument does not fit as it is.

    With out = (dW,) there is no bias, and db is None.
    """
    cdef product dx_job, dW_job, db_job
    cdef grid of_dout, of_x, of_W, of_dx, of_dW
    cdef int real
    dW, db = places(out, 2, 1)
    real = AFFINE_BACKWARD.fits([<ref>dout, <ref>x, <ref>W, <ref>dW, <ref>db])
    if real < 0 or not as_grid(dout, &of_dout) or not as_grid(x, &of_x) or not as_grid(W, &of_W):
        return None
    set_operands(&dx_job, of_dout, turned(of_W))
    set_operands(&dW_job, turned(of_x), of_dout)
    if out is None:
        dW, db = empty_like(W, real), empty_rows(W, 0, dW_job.N, real)
    if not as_grid(dW, &of_dW) or not set_result(&dW_job, of_dW):
        return None
    dx = empty_like(x, real)
    as_grid(dx, &of_dx)
    set_result(&dx_job, of_dx)
    if db is not None:
        sum_rows(&db_job, of_dout, real, data(db))
        run(&db_job, real)
    run(&dx_job, real)
    run(&dW_job, real)
    return dx, dW, db


cdef void sum_rows(product *p, grid of, int real, void *out) noexcept nogil:
    """Out = the sum of the rows: a row of ones times them."""
    cdef grid ones
    ones.data = <void *>&ONE_DOUBLE if real else <void *>&ONE_FLOAT
    ones.rows, ones.columns, ones.row, ones.col = 1, of.rows, 0, 0
    set_operands(p, ones, of)
    p.c, p.c_row = out, p.N
