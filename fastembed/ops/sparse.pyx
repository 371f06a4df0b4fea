"""Row-sparse gradients: rows that belong to equal ids are added up."""

from fastembed import _check

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from fastembed.ops._costs cimport NS_A_BYTE_ADDED, NS_A_ROW
from fastembed.ops._fit cimport (
    are_ids, as_matrix, axis, data, empty_rows, entry, matrix, read_ids, real_of, size, vector,
)
from fastembed.ops._signature cimport Signature, ref
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share_gil, slice_function

cnp.import_array()

cdef enum:
    DIGIT = 11  # bits that the ids are sorted by in one pass, at most: their counts fit in a cache
    SHORT = 100  # ids for whose sorting the GIL is kept

cdef slice_function[2] group_entry
cdef slice_function[2] sum_entry

ctypedef struct group_args:
    vector idx
    int64_t skip, shift, bits, digit
    vector keys, spare, counts, rows, starts, found

ctypedef struct sum_args:
    vector keys, starts
    int64_t shift, mean
    matrix dout, values

cdef Signature GRADIENT = Signature("idx (...) ids<V\ndout (..., D)")


cdef class Groups:
    """Ids, each once, and where they are among those that were given."""

    cdef readonly object rows  # (U,) ascending
    cdef Memory space
    cdef vector keys, starts
    cdef int64_t shift, given

    cdef object sums(self, dout, bint mean):
        """The sum, or the mean, of dout's rows for each id; dout is plain, of a row for each."""
        cdef int real = real_of(dout)
        cdef sum_args args
        cdef int64_t D = axis(dout, cnp.PyArray_NDIM(<cnp.ndarray>dout) - 1)
        values = empty_rows(self.rows, 1, D, real)
        args.keys, args.starts, args.shift, args.mean = self.keys, self.starts, self.shift, mean
        args.dout, args.values = as_matrix(dout), as_matrix(values)
        if D == 0:
            return values  # rows without numbers
        run = entry(sum_entry, "sparse.sum_groups", real)
        share_gil(run, &args, args.values.rows, 1, self.keys.size * (
            NS_A_ROW + NS_A_BYTE_ADDED * D * (8 if real else 4)
        ))
        return values

    def places(self):
        """Of each id that was given, its place among the rows."""
        cdef int64_t u, k, mask = (<int64_t>1 << self.shift) - 1
        cdef cnp.npy_intp[1] shape
        cdef int64_t *found
        cdef const int64_t *keys = <const int64_t *>self.keys.data
        cdef const int64_t *starts = <const int64_t *>self.starts.data
        shape[0] = self.given
        out = cnp.PyArray_EMPTY(1, shape, cnp.NPY_INT64, 0)
        found = <int64_t *>data(out)
        for u in range(self.starts.size - 1):
            for k in range(starts[u], starts[u + 1]):
                found[keys[k] & mask] = u
        return out


cpdef Groups groups_if_fit(idx, int64_t bound, int64_t skip=-1):
    """Find equal ids among idx, without those that are skip; None if idx does not fit as it is."""
    cdef group_args args
    cdef Memory ids
    cdef Groups found = Groups()
    cdef int64_t n, U = 0
    cdef int64_t *place
    cdef cnp.npy_intp[1] shape
    cdef int passes
    if not are_ids(idx):
        return None
    n = size(idx)
    ids = take(n * sizeof(int64_t))
    if not read_ids(idx, bound, <int64_t *>ids.start):
        return None
    args.shift, args.bits = _bits(n), _bits(bound)
    if args.shift + args.bits > 62:
        raise ValueError(f"num_rows must be at most 2**{62 - args.shift}, got {bound}")
    passes = max(1, (args.bits + DIGIT - 1) // DIGIT)
    args.digit = max(1, (args.bits + passes - 1) // passes)
    args.skip = skip
    found.space = take((4 * n + 1 + (<int64_t>1 << args.digit)) * sizeof(int64_t))
    place = <int64_t *>found.space.start
    args.idx.data, args.idx.size = ids.start, n
    args.keys.data, args.keys.size = place, n
    args.starts.data, args.starts.size = place + n, n + 1
    args.spare.data, args.spare.size = place + 2 * n + 1, n
    args.rows.data, args.rows.size = place + 3 * n + 1, n
    args.counts.data, args.counts.size = place + 4 * n + 1, <int64_t>1 << args.digit
    args.found.data, args.found.size = &U, 1
    run = entry(group_entry, "sparse.group_equal", 1)
    if n <= SHORT:
        run(&args, 0, 0, 0)
    else:
        with nogil:
            run(&args, 0, 0, 0)
    shape[0] = U
    found.rows = cnp.PyArray_EMPTY(1, shape, cnp.NPY_INT64, 0)
    memcpy(data(found.rows), args.rows.data, U * sizeof(int64_t))
    found.keys, found.starts, found.shift, found.given = args.keys, args.starts, args.shift, n
    found.keys.size, found.starts.size = (<int64_t *>args.starts.data)[U], U + 1
    return found


cdef int64_t _bits(int64_t count) noexcept:
    """Bits of the numbers below count."""
    cdef int64_t bits = 0
    while bits < 63 and (<int64_t>1 << bits) < count:
        bits += 1
    return bits


cpdef coalesce_if_fit(idx, dout, int64_t num_rows, int64_t skip, bint mean):
    """`coalesce`, skip from 0 on or -1; None if an argument does not fit as it is."""
    cdef Groups found
    if GRADIENT.fits([<ref>idx, <ref>dout]) < 0:
        return None
    found = groups_if_fit(idx, num_rows, skip)
    return None if found is None else (found.rows, found.sums(dout, mean))


def coalesce(idx, dout, num_rows, *, padding_idx=None, mean=False):
    """Add up the rows of dout that belong to equal ids: a gradient of the rows of a table alone.

    Sums are taken in the order of idx, with the same bits at any thread count, in time and memory
    of dout, however many rows the table has.

    Parameters
    ----------
    idx : array_like of integers, shape (...)
        Ids in [-num_rows, num_rows); negative ones count from the end.
    dout : (..., D) ndarray of float32 or float64
        One gradient per id.
    num_rows : int
        Rows of the table.
    padding_idx : int, optional
        An id that is left out, in [-num_rows, num_rows).
    mean : bool
        Divide each sum by how many gradients it is of.

    Returns
    -------
    rows : (U,) ndarray of int64
        Every id that occurs, once, ascending, from 0 on.
    values : (U, D) ndarray of dout's dtype

    Raises
    ------
    IndexError
        If an id is out of bounds.
    TypeError, ValueError
        If a dtype or a shape does not fit.
    """
    num_rows = _check.integer("num_rows", num_rows)
    if not 0 <= num_rows < 1 << 62:
        raise ValueError(f"num_rows must be in [0, 2**62), got {num_rows}")
    skip = -1 if padding_idx is None else _check.row("padding_idx", padding_idx, num_rows)
    result = coalesce_if_fit(idx, dout, num_rows, skip, mean)
    if result is None:
        ids = _check.integers("idx", idx)
        flat = _check.indices("idx", ids, num_rows, "a table")
        dout = _check.floats("dout", dout)
        if dout.ndim != ids.ndim + 1 or dout.shape[:ids.ndim] != ids.shape:
            raise ValueError(f"dout must have shape {ids.shape + ('D',)}, got {dout.shape}")
        rows = _check.plain(dout.reshape(flat.size, dout.shape[ids.ndim]))
        result = coalesce_if_fit(flat, rows, num_rows, skip, mean)
    return result
