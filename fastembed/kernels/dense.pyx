"""Matrix product that adds to what is there, on SciPy's BLAS."""

cimport numpy as cnp

from fastembed.kernels._gemm cimport gemm as blas

cnp.import_array()


def gemm(cnp.ndarray a, cnp.ndarray b, double beta, cnp.ndarray out):
    """out[m, n] = beta out[m, n] + sum over k of a[m, k] b[k, n]

    a     (M, K)  float32 | float64, rows or columns contiguous  IN
    b     (K, N)  dtype of a, rows or columns contiguous          IN
    beta          0 (then out need not hold numbers) or 1
    out   (M, N)  dtype of a, rows contiguous                     INOUT
    Unchecked: call ops.matmul. BLAS uses as many threads as it is set to.
    """
    cdef Py_ssize_t M = a.shape[0], K = a.shape[1], N = b.shape[1]
    cdef Py_ssize_t itemsize = a.itemsize
    # transposed: the first axis is the contiguous one; with one entry on an axis, either
    cdef bint ta = a.strides[1] != itemsize and K > 1
    cdef bint tb = b.strides[1] != itemsize and N > 1
    cdef Py_ssize_t lda = _lead(a, ta), ldb = _lead(b, tb), ldc = _lead(out, False)
    cdef void *A = cnp.PyArray_DATA(a)
    cdef void *B = cnp.PyArray_DATA(b)
    cdef void *C = cnp.PyArray_DATA(out)
    if itemsize == 4:
        with nogil:
            blas[float](
                ta, tb, M, N, K, <float *>A, lda, <float *>B, ldb, <float>beta, <float *>C, ldc
            )
    else:
        with nogil:
            blas[double](
                ta, tb, M, N, K, <double *>A, lda, <double *>B, ldb, beta, <double *>C, ldc
            )


cdef inline Py_ssize_t _lead(cnp.ndarray a, bint transposed):
    """Entries from one row (or column) to the next; BLAS wants a row's length at least."""
    cdef int across = 1 if transposed else 0
    return max(a.strides[across] // a.itemsize, a.shape[1 - across], 1)
