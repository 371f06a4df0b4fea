"""Row-major matrix product on SciPy's BLAS, for float and double, without the GIL."""

from libc.string cimport memset
from scipy.linalg.cython_blas cimport dgemm, sgemm

ctypedef fused real:
    float
    double


cdef inline void gemm(
    bint ta, bint tb, Py_ssize_t M, Py_ssize_t N, Py_ssize_t K,
    const real *A, Py_ssize_t lda, const real *B, Py_ssize_t ldb,
    real beta, real *C, Py_ssize_t ldc,
) noexcept nogil:
    """C[m, n] = beta C[m, n] + sum_k op(A)[m, k] op(B)[k, n], all in C order; ta, tb: transposed."""
    cdef int m = <int>M, n = <int>N, k = <int>K
    cdef int la = <int>max(lda, 1), lb = <int>max(ldb, 1), lc = <int>max(ldc, 1)
    cdef real one = 1
    cdef char *opa = b"T" if ta else b"N"
    cdef char *opb = b"T" if tb else b"N"
    cdef Py_ssize_t row
    if M == 0 or N == 0:
        return
    if K == 0:
        if beta == 0:
            for row in range(M):
                memset(C + row * ldc, 0, N * sizeof(real))
        return
    # BLAS reads columns first: the transposed product of the swapped operands
    if real is float:
        sgemm(opb, opa, &n, &m, &k, &one, <float *>B, &lb, <float *>A, &la, &beta, C, &lc)
    else:
        dgemm(opb, opa, &n, &m, &k, &one, <double *>B, &lb, <double *>A, &la, &beta, C, &lc)
