"""LSTM, GRU and RNN over whole sequences, and products of matrices, hand-written for each
instruction set (see variants.h).

Which instruction set is chosen once, when this is imported.
"""

import os

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

cnp.import_array()


cdef extern from "variants.h":
    const variant *variants[]
    int variant_runs(const variant *) noexcept nogil


def available():
    """Names of the instruction sets that this build has and this CPU runs, the fastest first."""
    names = []
    cdef int k = 0
    while variants[k] != NULL:
        if variant_runs(variants[k]):
            names.append(variants[k].name.decode())
        k += 1
    return names


cdef choose():
    global chosen
    wanted = os.environ.get("FASTEMBED_ISA", "").strip()
    cdef int k = 0
    if wanted not in ("", "baseline", "avx2", "avx512"):
        raise ValueError(f"FASTEMBED_ISA must be baseline, avx2 or avx512, got {wanted!r}")
    chosen = NULL
    while variants[k] != NULL:
        if variant_runs(variants[k]) and wanted in ("", variants[k].name.decode()):
            chosen = variants[k]
            return
        k += 1
    if wanted:
        can = ", ".join(available()) or "none of them"
        raise ValueError(f"FASTEMBED_ISA={wanted} does not run on this computer, which can: {can}")


choose()


def isa():
    """The instruction set in use: 'avx512', 'avx2', 'baseline' (SSE2, NEON), or 'none'."""
    return "none" if chosen == NULL else chosen.name.decode()


cdef inline void *data(cnp.ndarray array) noexcept nogil:
    return cnp.PyArray_DATA(array)


cdef inline void *aligned(cnp.ndarray array) noexcept nogil:
    return <void *>((<size_t>data(array) + 63) & ~<size_t>63)


cdef inline void *or_null(array):
    return NULL if array is None else data(<cnp.ndarray>array)


cdef inline const kernel_table *table_of(int dtype_number) noexcept nogil:
    return &chosen.of[dtype_number != cnp.NPY_FLOAT32]


cdef int number_of(kind) except -1:
    return LSTM if kind == "lstm" else GRU if kind == "gru" else RNN


def sizes_of(
    kind, int dtype_number, Py_ssize_t N, Py_ssize_t T, Py_ssize_t D, Py_ssize_t H, int members
):
    """Numbers in saved, and in scratch of forward and backward; None: no kernel, use BLAS."""
    cdef job j
    cdef sizes s
    if chosen == NULL or H < table_of(dtype_number).lanes:
        return None
    j.N, j.T, j.D, j.H, j.members = N, T, D, H, members
    table_of(dtype_number).kind[number_of(kind)].sizes(&j, &s)
    return s.saved, s.forward, s.backward


def forward(
    kind, cnp.ndarray xs, cnp.ndarray Wx, cnp.ndarray Wh, cnp.ndarray b, h0, c0,
    cnp.ndarray saved, cnp.ndarray scratch, cnp.ndarray hs, cnp.ndarray h, c,
    int member, int members, sync,
):
    """One member's part of a forward; all members run at the same time.

    G is 4 gates for kind "lstm" (f, g, i, o), 3 for "gru" (z, r, h_hat), 1 for "rnn".

    xs             (N, T, D)        IN
    Wx             (D, G H)         IN
    Wh             (H, G H)         IN
    b              (G H,)           IN
    h0, c0         (N, H) or None   IN   c0, c: LSTM
    saved          bytes            OUT  what backward needs; sizes_of(...)[0] numbers + 64 bytes
    scratch        bytes            OUT  sizes_of(...)[1] numbers + 64 bytes
    hs             (N, T, H)        OUT
    h, c           (N, H)           OUT
    member         of members
    sync           (16,) int64, zero at first, or None for one member
    All of one dtype, in C order, N, T > 0. Unchecked: call ops.lstm, ops.gru or ops.rnn.
    """
    cdef job j
    cdef int number = number_of(kind)
    cdef int64_t *meeting = <int64_t *>or_null(sync)
    j.N, j.T, j.D, j.H, j.members = hs.shape[0], hs.shape[1], Wx.shape[0], hs.shape[2], members
    j.xs, j.Wx, j.Wh, j.b = data(xs), data(Wx), data(Wh), data(b)
    j.h0, j.c0 = or_null(h0), or_null(c0)
    j.saved, j.scratch = aligned(saved), aligned(scratch)
    j.hs, j.h, j.c = data(hs), data(h), or_null(c)
    with nogil:
        table_of(cnp.PyArray_TYPE(xs)).kind[number].forward(&j, member, members, meeting)


def backward(
    kind, cnp.ndarray dhs, dc_last, cnp.ndarray xs, cnp.ndarray Wx, cnp.ndarray Wh,
    cnp.ndarray saved, cnp.ndarray scratch, cnp.ndarray dxs, cnp.ndarray dh, dc,
    cnp.ndarray dWx, cnp.ndarray dWh, cnp.ndarray db, int member, int members, sync,
):
    """One member's part of the gradients of forward; see there for its arguments.

    dhs            (N, T, H)        IN
    dc_last        (N, H) or None   IN   gradient of the last c: LSTM
    saved          bytes            IN   from forward
    scratch        bytes            OUT  sizes_of(...)[2] numbers + 64 bytes
    dxs            (N, T, D)        OUT
    dh, dc         (N, H)           OUT  gradients of h0 and c0; dc: LSTM
    dWx            (D, G H)         OUT
    dWh            (H, G H)         OUT
    db             (G H,)           OUT
    """
    cdef job j
    cdef int number = number_of(kind)
    cdef int64_t *meeting = <int64_t *>or_null(sync)
    j.N, j.T, j.D, j.H, j.members = dhs.shape[0], dhs.shape[1], Wx.shape[0], Wh.shape[0], members
    j.xs, j.Wx, j.Wh = data(xs), data(Wx), data(Wh)
    j.dhs, j.dc_last = data(dhs), or_null(dc_last)
    j.saved, j.scratch = aligned(saved), aligned(scratch)
    j.dxs, j.dh, j.dc = data(dxs), data(dh), or_null(dc)
    j.dWx, j.dWh, j.db = data(dWx), data(dWh), data(db)
    with nogil:
        table_of(cnp.PyArray_TYPE(xs)).kind[number].backward(&j, member, members, meeting)


def apply(name, cnp.ndarray x, cnp.ndarray y):
    """y = sigmoid or tanh of x as the kernels compute it; whole vectors only, for the tests."""
    cdef const kernel_table *table = table_of(cnp.PyArray_TYPE(x))
    table.apply(name == "tanh", cnp.PyArray_DATA(x), cnp.PyArray_DATA(y), cnp.PyArray_SIZE(x))


def multiply(
    cnp.ndarray a, cnp.ndarray b, bias, bint add, cnp.ndarray out, bint along_rows, slices,
):
    """out = a b + bias, or out += a b; in slices, which change no bits: for the tests.

    a       (M, K)          any strides                             IN
    b       (K, N)          any strides                             IN
    bias    (N,) or None    None if add                             IN
    out     (M, N)          rows contiguous                         OUT; INOUT if add
    slices  None, or borders of slices of units as units_of counts them, the first 0
    All of one dtype. Unchecked.
    """
    cdef const kernel_table *table = table_of(cnp.PyArray_TYPE(a))
    cdef product p
    cdef int64_t lo, hi
    cdef void *scratch
    set_product(&p, a, b, bias, add, out, along_rows)
    if slices is None:
        slices = (0, table.product_units(&p))
    scratch = malloc(table.product_scratch(&p) + 64)
    p.scratch = <void *>((<size_t>scratch + 63) & ~<size_t>63)
    lo = slices[0]
    for border in slices[1:]:
        hi = border
        with nogil:
            table.product(&p, lo, hi, 0)
        lo = hi
    free(scratch)


def units_of(cnp.ndarray a, cnp.ndarray b, cnp.ndarray out, bint along_rows):
    """How many units multiply can cut rows (or columns) into, and its bytes of scratch."""
    cdef const kernel_table *table = table_of(cnp.PyArray_TYPE(a))
    cdef product p
    set_product(&p, a, b, None, False, out, along_rows)
    return table.product_units(&p), table.product_scratch(&p)


cdef void set_product(
    product *p, cnp.ndarray a, cnp.ndarray b, bias, bint add, cnp.ndarray out, bint along_rows
):
    cdef Py_ssize_t itemsize = cnp.PyArray_ITEMSIZE(a)
    p.M, p.K, p.N = a.shape[0], a.shape[1], b.shape[1]
    p.a, p.a_row, p.a_col = data(a), a.strides[0] // itemsize, a.strides[1] // itemsize
    p.b, p.b_row, p.b_col = data(b), b.strides[0] // itemsize, b.strides[1] // itemsize
    p.c, p.c_row = data(out), out.strides[0] // itemsize
    p.bias, p.add, p.along_rows = or_null(bias), add, along_rows
