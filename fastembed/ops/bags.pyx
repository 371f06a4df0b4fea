"""Bags of embeddings: sums, means and maxima of rows of W, and of rows that lie together."""

import numpy as np

from fastembed import _check

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from fastembed.ops._costs cimport NS_A_BYTE_ADDED, NS_A_BYTE_COPIED, NS_A_BYTE_ZEROED, NS_A_ROW
from fastembed.ops._fit cimport (
    as_matrix, as_vector, axis, data, empty_like, empty_rows, entry, in_range, matrix, plain_ids,
    read_ids, size, vector, zeros_like,
)
from fastembed.ops._signature cimport Signature, ref
from fastembed.ops.embedding cimport GROUPED, in_groups, scatter_args
from fastembed.ops.optim cimport zero_all
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share_gil, slice_function

cnp.import_array()

cdef enum:
    SUM
    MEAN
    MAX

cdef enum:
    TILE = 256  # bytes, as in kernels/_sums.py
    LINE = 16  # columns: no two threads write the same cache line
    FRESH = 1 << 25  # bytes: more come from the system, zeroed, each page as it is touched

cdef slice_function[2] sum_entry
cdef slice_function[2] weighted_entry
cdef slice_function[2] segment_entry
cdef slice_function[2] max_entry
cdef slice_function[2] add_entry
cdef slice_function[2] groups_entry
cdef slice_function[2] max_backward_entry
cdef slice_function[2] weights_entry

ctypedef struct bag_args:
    matrix W
    vector idx, weights, starts
    int64_t length, mean
    matrix argmax, out
    int64_t fine

# the first ones as scatter_args
ctypedef struct backward_args:
    vector idx
    matrix dout, dW
    int64_t zero, shift
    vector order, starts, bags, scales

ctypedef struct max_backward_args:
    matrix dout, argmax, dW

ctypedef struct weights_args:
    matrix W
    vector idx
    matrix dout
    vector bags, dweights

MODES = {"sum": SUM, "mean": MEAN, "max": MAX}
_FORWARD = """
    W (V, D): One row per id.
    idx (N) ids<V: Ids in [-V, V), bag after bag; without offsets (B, L), a bag in each row.
    offsets (B) offsets<N optional: Where each bag begins in idx; 0 is the first.
    per_sample_weights (N) optional: A factor for each id, of idx's shape, where mode is 'sum'.
    need_argmax: bool; Return argmax too.
    + out (B, D): Zero for a bag without ids.
    > argmax: (B, D) ndarray of int64, if need_argmax; The id of each maximum, the first of equals;
        None for another mode.
"""
_BACKWARD = """
    dout (B, D)
    W (V, D)
    idx (N) ids<V: As in embedding_bag, and so are offsets and the others.
    offsets (B) offsets<N optional: Where each bag begins in idx.
    per_sample_weights (N) optional: A factor for each id.
    argmax (B, D) ids<V optional: What embedding_bag gave; needed where mode is 'max'.
    + out (V, D): Overwritten.
    > dweights (N): Gradient of per_sample_weights, if there are any.
"""


cdef Signature without_offsets(str table):
    """The table of bags of one length, rows of ids (B, L): no offsets come."""
    return Signature(table.replace("(N)", "(B, L)"))


cdef Signature FORWARD = Signature(_FORWARD), FORWARD_EVEN = without_offsets(_FORWARD)
cdef Signature BACKWARD = Signature(_BACKWARD), BACKWARD_EVEN = without_offsets(_BACKWARD)
cdef Signature SEGMENTS = Signature("""
    values (N, D)
    offsets (B) offsets<N: Where each segment begins in values; 0 is the first.
    + out (B, D): Zero for a segment without rows.
""")


@FORWARD.documents
def embedding_bag(
    W, idx, offsets=None, *, mode="sum", per_sample_weights=None, include_last_offset=False,
    padding_idx=None, need_argmax=False, out=None,
):
    """Sum, mean or maximum of the rows of W for each bag of ids, without an array of these rows.

    As ``torch.nn.functional.embedding_bag``, but that a NaN is the maximum, as in NumPy. Rows are
    added in the order of idx, with the same bits at any thread count.
    """
    kind = _mode(mode, per_sample_weights)
    if include_last_offset and offsets is not None:
        idx, offsets, per_sample_weights, _ = _without_last(idx, offsets, per_sample_weights, "idx")
    rest = (kind, padding_idx, need_argmax)
    result = _embedding_bag_if_fit(W, idx, offsets, per_sample_weights, out, *rest)
    if result is None:
        table = FORWARD if _has_offsets(offsets, idx) else FORWARD_EVEN
        given = W, idx, offsets, per_sample_weights
        result = table.again(_embedding_bag_if_fit, given, out, rest)
    return result


@BACKWARD.documents
def embedding_bag_backward(
    dout, W, idx, offsets=None, *, mode="sum", per_sample_weights=None, include_last_offset=False,
    padding_idx=None, argmax=None, out=None,
):
    """Gradient of W, and with per_sample_weights ``(dW, dweights)``, from that of embedding_bag.

    Gradients of equal ids are summed in the order of idx, with the same bits at any thread count.
    """
    kind, total = _mode(mode, per_sample_weights), None
    if kind == MAX and argmax is None:
        raise TypeError("argmax must be what embedding_bag gave for mode='max', got None")
    if include_last_offset and offsets is not None:
        idx, offsets, per_sample_weights, total = _without_last(
            idx, offsets, per_sample_weights, "idx"
        )
    rest = (kind, padding_idx)
    result = _embedding_bag_backward_if_fit(
        dout, W, idx, offsets, per_sample_weights, argmax, out, *rest
    )
    if result is None:
        table = BACKWARD if _has_offsets(offsets, idx) else BACKWARD_EVEN
        given = dout, W, idx, offsets, per_sample_weights, argmax
        result = table.again(_embedding_bag_backward_if_fit, given, out, rest)
    if total is not None and isinstance(result, tuple) and len(result[1]) < total:
        dweights = np.zeros(total, result[1].dtype)  # of weights that no bag has
        dweights[:len(result[1])] = result[1]
        result = result[0], dweights
    return result


@SEGMENTS.documents
def segment_sum(values, offsets, *, include_last_offset=False, out=None):
    """Sum rows that lie together: ``out[b] = values[offsets[b]:offsets[b + 1]].sum(axis=0)``.

    The last segment ends with values. The gradient is that of each row's segment,
    ``np.repeat(dout, lengths, axis=0)``.
    """
    if include_last_offset:
        values, offsets, _, _ = _without_last(values, offsets, None, "values")
    result = _segment_sum_if_fit(values, offsets, out)
    if result is None:
        result = SEGMENTS.again(_segment_sum_if_fit, (values, offsets), out)
    return result


# ---- doors


cpdef _embedding_bag_if_fit(
    W, idx, offsets, per_sample_weights, out, int mode, padding_idx=None, bint need_argmax=False
):
    """`embedding_bag`, of a mode by its number; None if an argument does not fit as it is."""
    cdef bag_args args
    cdef Memory memory
    cdef int64_t padding, row_bytes, B
    cdef double ns
    cdef bint even = offsets is None
    cdef Signature table = FORWARD_EVEN if even else FORWARD
    cdef int real = table.fits(
        [<ref>W, <ref>idx, <ref>offsets, <ref>per_sample_weights, <ref>out]
    )
    if real < 0:
        return None
    ids = plain_ids(idx)
    args.W, args.idx, args.mean = as_matrix(W), as_vector(ids), mode == MEAN
    # in_range: where no kernel reads them all, or where nothing may have been written before
    if out is not None or axis(W, 0) == 0 or axis(W, 1) == 0 or mode == MAX:
        if not in_range(args.idx, axis(W, 0)):
            return None
    args.weights.data, args.weights.size = NULL, 0
    if per_sample_weights is not None:
        args.weights = as_vector(per_sample_weights)
    for_bags = idx if even else offsets
    B = axis(for_bags, 0)
    args.length = axis(idx, 1) if even else 0
    args.starts.size = 0
    if not even or padding_idx is not None:
        padding = -1 if padding_idx is None else _check.row("padding_idx", padding_idx, axis(W, 0))
        memory = take(
            (B + 1) * sizeof(int64_t)
            + (2 * args.idx.size * sizeof(int64_t) if padding_idx is not None else 0)
        )
        args.starts.data, args.starts.size = memory.start, B + 1
        if not read_starts(offsets, args.length, args.idx.size, <int64_t *>memory.start, B):
            return None
        if padding_idx is not None:
            if not in_range(args.idx, axis(W, 0)):
                return None
            leave_out(padding, axis(W, 0), &args, real, B, per_sample_weights is not None)
    if out is None:
        out = empty_rows(for_bags, 1, axis(W, 1), real)
    args.out, args.fine = as_matrix(out), True
    row_bytes = args.W.columns * (8 if real else 4)
    ns = args.idx.size * (NS_A_ROW + NS_A_BYTE_COPIED * row_bytes) + B * 2 * NS_A_ROW
    argmax = None
    if mode == MAX:
        argmax = cnp.PyArray_EMPTY(2, cnp.PyArray_DIMS(<cnp.ndarray>out), cnp.NPY_INT64, 0)
        args.argmax = as_matrix(argmax)
    if row_bytes and mode == MAX:
        run = entry(max_entry, "embedding_bag.embedding_bag_max", real)
        share_gil(run, &args, B, 1, 2 * ns)
    elif row_bytes:
        if per_sample_weights is None:
            run = entry(sum_entry, "embedding_bag.embedding_bag", real)
        else:
            run = entry(weighted_entry, "embedding_bag.embedding_bag_weighted", real)
        share_gil(run, &args, B * ((row_bytes + TILE - 1) // TILE), 1, ns)
    if not args.fine:
        return None
    return (out, argmax) if need_argmax else out


cpdef _embedding_bag_backward_if_fit(
    dout, W, idx, offsets, per_sample_weights, argmax, out, int mode, padding_idx=None
):
    """`embedding_bag_backward`, of a mode by its number; None if an argument does not fit."""
    cdef backward_args args
    cdef Memory memory
    cdef int64_t padding, N, B, itemsize
    cdef bint even = offsets is None
    cdef Signature table = BACKWARD_EVEN if even else BACKWARD
    cdef int real = table.fits([
        <ref>dout, <ref>W, <ref>idx, <ref>offsets, <ref>per_sample_weights, <ref>argmax, <ref>out,
    ])
    if real < 0:
        return None
    padding = -1 if padding_idx is None else _check.row("padding_idx", padding_idx, axis(W, 0))
    N, B, itemsize = size(idx), axis(dout, 0), 8 if real else 4
    memory = take((B + 1 + 3 * N) * sizeof(int64_t))  # starts, bags, scales, ids
    args.starts.data, args.starts.size = memory.start, B + 1
    args.bags.data, args.bags.size = memory.start + (B + 1) * sizeof(int64_t), N
    args.idx.data, args.idx.size = <int64_t *>args.bags.data + 2 * N, N
    if not read_ids(idx, axis(W, 0), <int64_t *>args.idx.data):
        return None
    if not read_starts(offsets, axis(idx, 1) if even else 0, N, <int64_t *>memory.start, B):
        return None
    args.zero = True
    if out is None:
        args.zero = size(W) * itemsize <= FRESH
        out = empty_like(W, real) if args.zero else zeros_like(W, real)
    args.dout, args.dW = as_matrix(dout), as_matrix(out)
    args.scales.data, args.scales.size = NULL, 0
    find_bags(&args, padding)
    if mode == MAX:
        return out if max_backward(argmax, out, &args, real) else None
    if per_sample_weights is not None:
        args.scales = as_vector(per_sample_weights)
    elif mode == MEAN:
        args.scales.data, args.scales.size = <int64_t *>args.bags.data + N, N
        if real:
            find_shares[double](&args, <double *>args.scales.data)
        else:
            find_shares[float](&args, <float *>args.scales.data)
    add_scaled(&args, real)
    if per_sample_weights is None:
        return out
    return out, weight_gradients(W, &args, real, per_sample_weights)


cpdef _segment_sum_if_fit(values, offsets, out=None):
    """`segment_sum`, or None if an argument does not fit as it is."""
    cdef int real = SEGMENTS.fits([<ref>values, <ref>offsets, <ref>out])
    cdef bag_args args
    cdef Memory memory
    cdef int64_t row_bytes, B
    if real < 0:
        return None
    B = axis(offsets, 0)
    memory = take((B + 1) * sizeof(int64_t))
    args.starts.data, args.starts.size = memory.start, B + 1
    if not read_starts(offsets, 0, axis(values, 0), <int64_t *>memory.start, B):
        return None
    if out is None:
        out = empty_rows(offsets, 1, axis(values, 1), real)
    args.W, args.out = as_matrix(values), as_matrix(out)
    row_bytes = args.W.columns * (8 if real else 4)
    if row_bytes:
        run = entry(segment_entry, "embedding_bag.segment_sum", real)
        share_gil(
            run, &args, B, 1,
            (args.W.rows + B) * (NS_A_ROW + NS_A_BYTE_COPIED * row_bytes),
        )
    return out


# ---- bags


cdef bint read_starts(offsets, int64_t length, int64_t N, int64_t *starts, int64_t B) except -1:
    """Where each bag begins, and where the last one ends; False if offsets are none."""
    cdef int64_t b
    if offsets is None:
        for b in range(B + 1):
            starts[b] = b * length
        return True
    plain = plain_ids(offsets)
    memcpy(starts, data(plain), B * sizeof(int64_t))
    starts[B] = N
    if starts[0] != 0:
        return B == 0
    for b in range(B):
        if starts[b] > starts[b + 1]:
            return False
    return True


cdef void leave_out(
    int64_t padding, int64_t V, bag_args *args, int real, int64_t B, bint weighted
) noexcept:
    """Copy ids and weights without those of padding, to behind the starts, which move."""
    cdef int64_t *starts = <int64_t *>args.starts.data
    cdef int64_t *kept = starts + B + 1
    cdef const int64_t *idx = <const int64_t *>args.idx.data
    cdef char *weights = <char *>(kept + args.idx.size)
    cdef const char *given = <const char *>args.weights.data
    cdef int64_t b, n, v, itemsize = 8 if real else 4, count = 0, first = 0
    for b in range(B):
        for n in range(first, starts[b + 1]):
            v = idx[n]
            if (v + V if v < 0 else v) == padding:
                continue
            kept[count] = v
            if weighted:
                memcpy(weights + count * itemsize, given + n * itemsize, itemsize)
            count += 1
        first = starts[b + 1]
        starts[b + 1] = count
    args.idx.data, args.idx.size = kept, count
    if weighted:
        args.weights.data = weights
        args.weights.size = count


cdef void find_bags(backward_args *args, int64_t padding) noexcept:
    """The bag of each id; -1 for padding, and for ids before the first bag, where there is none."""
    cdef const int64_t *starts = <const int64_t *>args.starts.data
    cdef const int64_t *idx = <const int64_t *>args.idx.data
    cdef int64_t *bags = <int64_t *>args.bags.data
    cdef int64_t b, n
    for n in range(starts[0]):
        bags[n] = -1
    for b in range(args.starts.size - 1):
        for n in range(starts[b], starts[b + 1]):
            bags[n] = -1 if idx[n] == padding else b


ctypedef fused number:
    float
    double


cdef void find_shares(backward_args *args, number *shares) noexcept:
    """For each id, one over how many its bag has."""
    cdef const int64_t *starts = <const int64_t *>args.starts.data
    cdef const int64_t *bags = <const int64_t *>args.bags.data
    cdef int64_t b, n, count
    for b in range(args.starts.size - 1):
        count = 0
        for n in range(starts[b], starts[b + 1]):
            count += bags[n] >= 0
        for n in range(starts[b], starts[b + 1]):
            shares[n] = <number>1 / <number>count


cdef int add_scaled(backward_args *args, int real) except -1:
    """Fill dW: each thread owns columns, or groups of rows; no atomics, as in_groups."""
    cdef int64_t n = args.idx.size, row_bytes = args.dW.columns * (8 if real else 4)
    cdef int64_t nbytes = args.dW.rows * row_bytes
    cdef double ns = n * (2 * NS_A_ROW + NS_A_BYTE_ADDED * row_bytes)
    cdef slice_function add
    if nbytes == 0:
        return 0  # rows without numbers
    if nbytes <= GROUPED:
        if args.zero:
            memset(args.dW.data, 0, nbytes)
        add = entry(add_entry, "embedding_bag.embedding_bag_backward", real)
        return share_gil(add, args, args.dW.columns, LINE, ns)
    ns += nbytes * NS_A_BYTE_ZEROED  # by us or the system
    add = entry(groups_entry, "embedding_bag.embedding_bag_backward_groups", real)
    return in_groups(<scatter_args *>args, add, row_bytes, ns)


cdef bint max_backward(argmax, dW, backward_args *args, int real) except -1:
    """Fill dW; False if argmax has an id that is no row of it."""
    cdef max_backward_args best
    cdef Memory found
    cdef int64_t *ids
    cdef const int64_t *starts = <const int64_t *>args.starts.data
    cdef const int64_t *bags = <const int64_t *>args.bags.data
    cdef int64_t b, d, n, D = args.dW.columns
    cdef bint nothing
    if argmax is None:
        return False
    found = take(size(argmax) * sizeof(int64_t))
    ids = <int64_t *>found.start
    if not read_ids(argmax, max(1, args.dW.rows), ids):
        return False
    for b in range(args.starts.size - 1):
        nothing = True
        for n in range(starts[b], starts[b + 1]):
            nothing = nothing and bags[n] < 0
        if nothing:
            for d in range(D):
                ids[b * D + d] = -1
    best.dout, best.dW = args.dout, args.dW
    best.argmax.data, best.argmax.rows, best.argmax.columns = ids, args.dout.rows, D
    if args.zero:
        zero_all((dW,))
    run = entry(max_backward_entry, "embedding_bag.embedding_bag_max_backward", real)
    share_gil(run, &best, D, LINE, size(argmax) * NS_A_ROW)
    return True


cdef weight_gradients(W, backward_args *args, int real, per_sample_weights):
    """The gradient of per_sample_weights."""
    cdef weights_args back
    dweights = empty_like(per_sample_weights, real)
    back.W, back.idx, back.dout, back.bags = as_matrix(W), args.idx, args.dout, args.bags
    back.dweights = as_vector(dweights)
    if args.dW.columns == 0:
        memset(data(dweights), 0, args.idx.size * (8 if real else 4))
        return dweights
    run = entry(weights_entry, "embedding_bag.embedding_bag_weights", real)
    share_gil(
        run, &back, args.idx.size, LINE,
        args.idx.size * (2 * NS_A_ROW + NS_A_BYTE_ADDED * back.W.columns * (8 if real else 4)),
    )
    return dweights


# ---- arguments that do not fit as they are


def _mode(mode, per_sample_weights):
    """The number of a mode."""
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"mode must be 'sum', 'mean' or 'max', got {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise ValueError(f"per_sample_weights must be None for mode={mode!r}: it is for 'sum'")
    return MODES[mode]


def _has_offsets(offsets, idx):
    """Refuse ids that lie in no bags."""
    if offsets is None and _check.integers("idx", idx).ndim == 1:
        raise ValueError("offsets must be given for idx of one axis, got None")
    return offsets is not None


def _without_last(values, offsets, weights, name):
    """What the same bags are without a last offset; and how many weights were given."""
    offsets = _check.integers("offsets", offsets)
    if offsets.ndim != 1 or not offsets.size:
        raise ValueError(f"offsets must have shape (B + 1,) with their last, got {offsets.shape}")
    values = _check.as_array(name, values)
    last = len(offsets) - 1
    N, end = len(values) if values.ndim else 0, int(offsets[last])
    if not 0 <= end <= N:
        raise IndexError(f"offsets[{last}] = {end} is out of bounds for {name} with {N} entries")
    total = None
    if weights is not None:
        weights = _check.as_array("per_sample_weights", weights)
        if weights.shape != values.shape:
            raise ValueError(
                f"per_sample_weights must have shape {values.shape} as {name}, got {weights.shape}"
            )
        total, weights = N, weights[:end]
    return values[:end], offsets[:last], weights, total
