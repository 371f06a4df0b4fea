"""What a door takes without asking Python: the one place that decides whether an array fits.

An array fits if it is an exact ndarray or memmap in C order, aligned, of native byte order, and of the
dtype and number of axes that are asked for. Everything else is made fit in Python, or refused there.
"""

cimport numpy as cnp
from libc.stdint cimport int64_t, uint64_t, uintptr_t
from libc.string cimport memcpy

from fastembed.runtime.pool cimport slice_function

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object, int *) except? -1

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *, cnp.dtype, object)

cdef extern from *:
    """
    #include <string.h>
    /* numpy.memmap, whose rows lie as those of its base class do */
    static int is_memmap(PyObject *x)
    {
        PyTypeObject *kind = Py_TYPE(x);
        return kind->tp_base == &PyArray_Type && strcmp(kind->tp_name, "memmap") == 0;
    }
    """
    bint is_memmap(object x) noexcept

# arrays as entries of kernels/_args.py find them
ctypedef struct matrix:
    void *data
    int64_t rows, columns

ctypedef struct vector:
    void *data
    int64_t size


cdef inline bint is_array(object x) noexcept:
    """An ndarray or a memmap; other subclasses may mean something else by their numbers."""
    return cnp.PyArray_CheckExact(x) or (cnp.PyArray_Check(x) and is_memmap(x))


cdef inline bint is_plain(object x) noexcept:
    """An array in C order, aligned, of native byte order."""
    return (
        is_array(x)
        and cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>x)
        and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>x)
    )


cdef inline int real_in_any_layout(object x) noexcept:
    """0 for a float32 ndarray, aligned and of native byte order, 1 for float64, -1 for the rest."""
    cdef int kind
    if not is_array(x) or not cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>x):
        return -1
    kind = cnp.PyArray_TYPE(<cnp.ndarray>x)
    return 0 if kind == cnp.NPY_FLOAT32 else 1 if kind == cnp.NPY_FLOAT64 else -1


cdef inline int real_of(object x) noexcept:
    """0 for a plain float32 array, 1 for a plain float64 array, -1 for anything else."""
    cdef int real = real_in_any_layout(x)
    return real if real >= 0 and cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>x) else -1


cdef inline bint writable(object x) noexcept:
    return cnp.PyArray_ISWRITEABLE(<cnp.ndarray>x)


cdef inline int typenum(int real) noexcept:
    """NumPy's number of the dtype."""
    return cnp.NPY_FLOAT64 if real else cnp.NPY_FLOAT32


cdef inline int64_t axis(object x, int k) noexcept:
    return cnp.PyArray_DIM(<cnp.ndarray>x, k)


cdef inline int64_t size(object x) noexcept:
    return cnp.PyArray_SIZE(<cnp.ndarray>x)


cdef inline void *data(object x) noexcept:
    return cnp.PyArray_DATA(<cnp.ndarray>x)


cdef inline void extent(object x, char **lo, char **hi) noexcept:
    """The bytes from lo to hi in which an array's entries lie; NULL, both, if there are none."""
    cdef int64_t step, itemsize = cnp.PyArray_ITEMSIZE(<cnp.ndarray>x)
    cdef int k
    lo[0] = hi[0] = NULL
    if size(x) == 0:
        return
    lo[0] = <char *>data(x)
    hi[0] = lo[0] + itemsize
    for k in range(cnp.PyArray_NDIM(<cnp.ndarray>x)):
        step = (axis(x, k) - 1) * cnp.PyArray_STRIDE(<cnp.ndarray>x, k)
        if step < 0:
            lo[0] += step
        else:
            hi[0] += step


cdef inline bint apart(object x, object y) noexcept:
    """Whether two arrays lie in different places of memory; views that interlace count as one."""
    cdef char *x_lo
    cdef char *x_hi
    cdef char *y_lo
    cdef char *y_hi
    extent(x, &x_lo, &x_hi)
    extent(y, &y_lo, &y_hi)
    return x_hi <= y_lo or y_hi <= x_lo


cdef inline bint same_shape(object x, object y, int ndim) noexcept:
    """Whether the first ndim axes are alike."""
    cdef int k
    for k in range(ndim):
        if axis(x, k) != axis(y, k):
            return False
    return True


cdef inline matrix as_matrix(object x) noexcept:
    """All axes but the last are rows."""
    cdef matrix m
    cdef int k, last = cnp.PyArray_NDIM(<cnp.ndarray>x) - 1
    m.data = data(x)
    m.columns = axis(x, last)
    m.rows = 1
    for k in range(last):
        m.rows *= axis(x, k)
    return m


cdef inline vector as_vector(object x) noexcept:
    cdef vector v
    v.data, v.size = data(x), size(x)
    return v


cdef inline object empty(int ndim, cnp.npy_intp *shape, int real):
    return cnp.PyArray_EMPTY(ndim, shape, typenum(real), 0)


cdef inline object empty_like(object x, int real):
    return empty(cnp.PyArray_NDIM(<cnp.ndarray>x), cnp.PyArray_DIMS(<cnp.ndarray>x), real)


cdef inline object empty_rows(object x, int ndim, int64_t columns, int real):
    """A row of so many columns for each place along the first ndim axes of x."""
    cdef cnp.npy_intp[64] shape  # as many axes as NumPy has
    cdef int k
    for k in range(ndim):  # no memcpy: the shape of an array without axes is NULL
        shape[k] = axis(x, k)
    shape[ndim] = columns
    return empty(ndim + 1, shape, real)


cdef inline object zeros_like(object x, int real):
    return cnp.PyArray_ZEROS(
        cnp.PyArray_NDIM(<cnp.ndarray>x), cnp.PyArray_DIMS(<cnp.ndarray>x), typenum(real), 0
    )


cdef inline object float64(double x):
    """A numpy.float64."""
    return PyArray_Scalar(&x, cnp.PyArray_DescrFromType(cnp.NPY_FLOAT64), None)


cdef inline double number(str name, object x) except? -1:
    """An argument that must be a real number."""
    if isinstance(x, float):  # NumPy's are some
        return x
    from fastembed import _check

    return _check.number(name, x)


cdef inline double epsilon(object x) except? -1:
    """An argument eps, which is added to probabilities."""
    cdef double eps = number("eps", x)
    if not eps >= 0:
        raise ValueError(f"eps must be at least 0, got {x!r}")
    return eps


cdef inline bint are_ids(object x) noexcept:
    """Whether read_ids takes it: an ndarray of int64 or int32 in any layout."""
    cdef int kind
    if not is_array(x) or not cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>x):
        return False
    kind = cnp.PyArray_TYPE(<cnp.ndarray>x)
    return kind == cnp.NPY_INT64 or kind == cnp.NPY_LONGLONG or kind == cnp.NPY_INT32


cdef inline object plain_ids(object x):
    """Ids that are_ids takes as int64 in C order: x itself where it is that."""
    if is_plain(x) and cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.NPY_INT64:
        return x
    return cnp.PyArray_FROM_OTF(x, cnp.NPY_INT64, cnp.NPY_ARRAY_IN_ARRAY)


cdef inline bint in_range(vector ids, int64_t bound) noexcept:
    """Whether all are in [-bound, bound)."""
    cdef const int64_t *data = <const int64_t *>ids.data
    cdef int64_t k, wrong = 0
    for k in range(ids.size):
        wrong |= <int64_t>(<uint64_t>data[k] + <uint64_t>bound)  # unsigned: may wrap
        wrong |= <int64_t>(<uint64_t>(bound - 1) - <uint64_t>data[k])
    return wrong >= 0


cdef inline bint are_bits(object labels) noexcept:
    """Whether a plain array may hold labels 0 and 1."""
    cdef int kind
    if not is_plain(labels):
        return False
    kind = cnp.PyArray_TYPE(<cnp.ndarray>labels)
    return (
        kind == cnp.NPY_BOOL or kind == cnp.NPY_UINT8 or kind == cnp.NPY_INT8
        or kind == cnp.NPY_INT32 or kind == cnp.NPY_INT64
    )


cdef inline int copy_ids(object idx, int64_t *ids) except -1:
    """Copy ids that are_ids takes: what a kernel reads cannot change under it."""
    cdef int64_t n = size(idx)
    flat = plain_ids(idx)
    memcpy(ids, data(flat), n * sizeof(int64_t))
    return 0


cdef inline bint read_ids(object idx, int64_t bound, int64_t *ids) except -1:
    """Copy ids, those below 0 counted from the end; False if one is outside [-bound, bound)."""
    cdef int64_t k, v, wrong = 0, n = size(idx)
    copy_ids(idx, ids)
    # v | (bound - 1 - v) is negative if v is outside [0, bound); unsigned: that of -2**63 wraps
    for k in range(n):
        v = ids[k]
        wrong |= v | <int64_t>(<uint64_t>(bound - 1) - <uint64_t>v)
    if wrong < 0:
        for k in range(n):
            if ids[k] < -bound or ids[k] >= bound:
                return False
            if ids[k] < 0:
                ids[k] += bound
    return True


cdef inline int64_t read_labels(
    object labels, int64_t bound, object ignored, int64_t *ids
) except -2:
    """The same for labels, those that are ignored becoming -1; how many count, or -1 for False.

    ignored is an int or None.
    """
    cdef int overflow = 0
    cdef bint any_ignored = ignored is not None
    cdef int64_t k, v, wrong = 0, n = size(labels), count = n, absent = 0
    if any_ignored:
        absent = PyLong_AsLongLongAndOverflow(ignored, &overflow)
        any_ignored = overflow == 0
    copy_ids(labels, ids)
    for k in range(n):
        v = ids[k]
        if any_ignored and v == absent:
            ids[k] = -1
            count -= 1
            continue
        v += bound if v < 0 else 0
        wrong |= v | <int64_t>(<uint64_t>(bound - 1) - <uint64_t>v)
        ids[k] = v
    return -1 if wrong < 0 else count


cdef inline slice_function entry(slice_function *kernels, str name, int real) except NULL:
    """The kernel for a dtype, compiled or loaded when it is first wanted."""
    if kernels[real] == NULL:
        from fastembed._lazy import loading

        with loading:
            from fastembed.kernels._code import address

            kernels[real] = <slice_function><uintptr_t>address(name, "float64" if real else "float32")
    return kernels[real]
