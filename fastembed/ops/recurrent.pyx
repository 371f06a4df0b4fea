"""Recurrent cells over whole sequences and by the step, forward and backward: a row for each."""

import re

import numpy as np

from fastembed import _check
from fastembed.kernels.simd import isa

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from fastembed.kernels.simd cimport cell, cell_number, chosen, job, sizes
from fastembed.ops._costs cimport FLOPS_A_NS
from fastembed.ops._fit cimport are_ids, axis, copy_ids, data, empty_like, empty_rows, size
from fastembed.ops._signature cimport Signature, places, ref
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport members_for, run_phases

cnp.import_array()

cdef enum:
    ROWS = 6  # fewer in a batch cost as much: the weights come from the cache for one as well
    UNITS = 16  # hidden units, a cache line of float32: no part of a step has fewer
    NS_A_MEETING = 1200  # least work of a part of a step: members meet after it

__all__ = []  # each row adds its ops

# tables of the ops, see _signature.pyx; words differ between sequences and single steps
FORWARD = """
    {xs} ({NT}, D)
    Wx (D, {G}H)
    Wh (H, {G}H)
    b ({B}H)
    {h0} (N, H) {may_be_None}: State before{first}. Never written.
    {c0} (N, H) {c_may_be_None}: As {h0}.
    lengths: array_like of integers, shape (N,), optional; Steps of each sequence of a padded batch, in
        any order, from 0 to T. Steps beyond cost nothing: hs is zero there, and h, c are those at the
        end of each. None: all have T.
    reverse: bool; True: each sequence from its last step to its first; hs stays in the order of xs.
    > hs (N, T, H): h after each step.
    > h (N, H): State after the {last}step.
    > c (N, H)
    > cache: object; For `{name}_backward`. It refers to {xs} and the weights: leave them as they are
        until then.
"""
BACKWARD = """
    {xs} ({NT}, D)
    Wx (D, {G}H)
    Wh (H, {G}H)
    {dhs} ({NT}, H): Gradient of {hs}.
    dh_last (N, H) optional: Gradient of h, zero by default, beside that of hs.
    {dc} (N, H) {c_may_be_None}: Gradient of c{zero}.
    cache: object; From `{name}`; it is not changed.
    > d{xs} ({NT}, D)
    > d{h0} (N, H)
    > d{c0} (N, H)
    + dWx (D, {G}H)
    + dWh (H, {G}H)
    + db ({B}H)
"""
SEQUENCE = {
    "xs": "xs", "NT": "N, T", "h0": "h0", "c0": "c0", "hs": "hs", "dhs": "dhs", "last": "last ",
    "may_be_None": "optional", "first": " the first step; zero by default",
    "dc": "dc_last", "zero": ", zero by default",
}
STEP = {
    "xs": "x", "NT": "N", "h0": "h_prev", "c0": "c_prev", "hs": "h", "dhs": "dh", "last": "",
    "may_be_None": "", "first": " the step",
    "dc": "dc", "zero": "",
}


cdef class Op:
    """A cell over sequences, or one step of it."""

    cdef readonly str name
    cdef int number
    cdef bint single, has_c
    cdef Signature forward, backward

    def __init__(self, name, single):
        self.number = cell_number(name)
        cdef const cell *k = chosen.of[0].cells[self.number]
        self.name, self.single, self.has_c = name + "_cell" * single, single, k.state
        words = dict(STEP if single else SEQUENCE, name=self.name)
        words |= {"G": k.gates if k.gates > 1 else "", "B": k.biases if k.biases > 1 else ""}
        words["c_may_be_None"] = "" if single and k.state else "optional"
        left_out = ["hs"] * single + ["c", f"d{words['c0']}"] * (not k.state)
        tables = [table.format(**words) for table in (FORWARD, BACKWARD)]
        for result in left_out:
            tables = [re.sub(rf"\n    > {result} .*", "", table) for table in tables]
        order = f"Wh Wx {words['xs']} b {words['h0']} {words['c0']}"
        self.forward, self.backward = Signature(tables[0], order), Signature(tables[1])

    def documented(self, forward, backward, text, source):
        """The functions with their names and texts."""
        place = "One step" if self.single else "A run over sequences"
        forward.__doc__ = f"{place} of {text}" + f"\n\n{source}" * bool(source)
        backward.__doc__ = f"Gradients of `{self.name}`."
        for function, name, table in (
            (forward, self.name, self.forward), (backward, f"{self.name}_backward", self.backward)
        ):
            function.__name__ = function.__qualname__ = name
            __all__.append(name)
            table.documents(function)
        return forward, backward


def _with_h(name, text, source=""):
    """The ops of a cell whose state is h."""
    cdef Op op = Op(name, False), step = Op(name, True)

    def sequence(xs, Wx, Wh, b, h0=None, *, lengths=None, reverse=False, need_cache=True):
        return _forward(xs, Wx, Wh, b, h0, None, op, need_cache, lengths, reverse)

    def sequence_backward(dhs, cache, *, dh_last=None, out=None):
        return _backward(dhs, dh_last, None, out, op, cache)

    def cell(x, h_prev, Wx, Wh, b, *, need_cache=True):
        return _forward(x, Wx, Wh, b, h_prev, None, step, need_cache)

    def cell_backward(dh, cache, *, out=None):
        return _backward(dh, None, None, out, step, cache)

    return (
        *op.documented(sequence, sequence_backward, text, source),
        *step.documented(cell, cell_backward, text, source),
    )


def _with_h_and_c(name, text, source=""):
    """The ops of a cell whose state is h and c."""
    cdef Op op = Op(name, False), step = Op(name, True)

    def sequence(xs, Wx, Wh, b, h0=None, c0=None, *, lengths=None, reverse=False, need_cache=True):
        return _forward(xs, Wx, Wh, b, h0, c0, op, need_cache, lengths, reverse)

    def sequence_backward(dhs, cache, *, dh_last=None, dc_last=None, out=None):
        return _backward(dhs, dh_last, dc_last, out, op, cache)

    def cell(x, h_prev, c_prev, Wx, Wh, b, *, need_cache=True):
        return _forward(x, Wx, Wh, b, h_prev, c_prev, step, need_cache)

    def cell_backward(dh, dc, cache, *, out=None):
        return _backward(dh, None, dc, out, step, cache)

    return (
        *op.documented(sequence, sequence_backward, text, source),
        *step.documented(cell, cell_backward, text, source),
    )


lstm, lstm_backward, lstm_cell, lstm_cell_backward = _with_h_and_c(
    "lstm",
    "an LSTM: ``c = f c_prev + g i``, ``h = o tanh(c)``.\n\n"
    "f, i, o are sigmoid, g is tanh of ``x Wx + h_prev Wh + b``, in the order f, g, i, o.",
    "Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000), equation (2).",
)
gru, gru_backward, gru_cell, gru_cell_backward = _with_h(
    "gru",
    "a GRU: ``h = (1 - z) h_prev + z h_hat``.\n\n"
    "z, r are sigmoid of ``x Wx + h_prev Wh + b`` and h_hat is tanh of ``x Wx + (r h_prev) Wh + b``,\n"
    "in the order z, r, h_hat.",
    "Cho et al. (2014), section 2.3; z and 1 - z exchanged, as in *Deep Learning from Scratch 2*.",
)
(
    gru_reset_after, gru_reset_after_backward, gru_reset_after_cell, gru_reset_after_cell_backward,
) = _with_h(
    "gru_reset_after",
    "a GRU that resets after the product: ``h = (1 - z) h_prev + z h_hat``.\n\n"
    "z, r are sigmoid of ``x Wx + h_prev Wh + b`` and h_hat is tanh of\n"
    "``x Wx + b + r (h_prev Wh + b')``, in the order z, r, h_hat; b' is the last quarter of b.",
    "As in cuDNN, PyTorch and Keras; z and 1 - z exchanged, as in `gru`.",
)
rnn, rnn_backward, rnn_cell, rnn_cell_backward = _with_h(
    "rnn", "a plain recurrent network: ``h = tanh(x Wx + h_prev Wh + b)``."
)


# ---- sequences of different lengths


cdef class Rows:
    """The rows of a padded batch as kernels work on them: the longest first, the empty ones last."""

    cdef Py_ssize_t N, T, count  # all rows; the steps of the longest; rows that have any
    cdef Memory memory

    def __reduce__(self):
        return _rows, (self.N, self.T, self.count, self.memory)

    cdef Py_ssize_t *row(self) noexcept:
        return <Py_ssize_t *>self.memory.start

    cdef Py_ssize_t *length(self) noexcept:
        return self.row() + self.N

    cdef Py_ssize_t *start(self) noexcept:
        """How many rows the steps before t have, 0 <= t <= T."""
        return self.length() + self.N

    cdef void fill_empty(self, to, source, Py_ssize_t size) noexcept:
        """Rows of ``to`` that have no step: those of source, or zeros."""
        cdef Py_ssize_t k, n, nbytes = size * cnp.PyArray_ITEMSIZE(<cnp.ndarray>to)
        for k in range(self.count, self.N):
            n = self.row()[k] * nbytes
            if source is None:
                memset(<char *>data(to) + n, 0, nbytes)
            else:
                memcpy(<char *>data(to) + n, <char *>data(source) + n, nbytes)


def _rows(N, T, count, memory):
    cdef Rows rows = Rows.__new__(Rows)
    rows.N, rows.T, rows.count, rows.memory = N, T, count, memory
    return rows


cdef Rows rows_of(lengths, Py_ssize_t N, Py_ssize_t T):
    """None where every row has T steps; lengths that do not fit are refused."""
    cdef Memory numbers = take(N * sizeof(int64_t))
    cdef const int64_t *given = <int64_t *>numbers.start
    cdef Rows rows
    cdef Py_ssize_t n, t, k, longer = 0, least = T, most = 0
    cdef Py_ssize_t *row
    cdef Py_ssize_t *length
    cdef Py_ssize_t *start
    plain = lengths
    if not are_ids(lengths) or cnp.PyArray_NDIM(<cnp.ndarray>lengths) != 1 or size(lengths) != N:
        lengths = _check.integers("lengths", lengths)
        _check.shape("lengths", lengths, (N,), "(N,) with N of xs")
        # a uint64 that does not fit becomes negative
        plain = np.require(lengths, np.intp, "CA")
    copy_ids(plain, <int64_t *>numbers.start)
    for n in range(N):
        least, most = min(least, given[n]), max(most, given[n])
        if least < 0 or most > T:
            raise ValueError(f"lengths[{n}] = {lengths[n]} is not between 0 and T of xs, {T}")
    if least == T:
        return None
    rows = Rows.__new__(Rows)
    rows.N, rows.T = N, most
    rows.memory = take((2 * N + most + 1) * sizeof(Py_ssize_t))
    row, length, start = rows.row(), rows.length(), rows.start()
    memset(start, 0, (most + 1) * sizeof(Py_ssize_t))
    for n in range(N):
        start[given[n]] += 1
    for t in range(most, -1, -1):  # the first place of those with t steps
        k, start[t] = start[t], longer
        longer += k
    rows.count = start[0]
    for n in range(N):
        k = start[given[n]]
        start[given[n]] += 1
        row[k], length[k] = n, given[n]
    k, start[0] = rows.count, 0
    for t in range(rows.T):
        while length[k - 1] <= t:
            k -= 1
        start[t + 1] = start[t] + k
    return rows


# ---- doors; a single step is a sequence of one


cdef class Cache:
    """What a forward keeps for its backward: never changed after the forward."""

    cdef readonly str kind
    cdef public str isa
    cdef readonly object xs, Wx, Wh
    cdef Memory saved  # laid out for the vectors of isa
    cdef Rows rows
    cdef bint reverse
    cdef int64_t N, T, D, H  # for which it was made: an array's shape can be set

    def __init__(self, kind, isa, xs, Wx, Wh, saved, rows, reverse):
        cdef int last = cnp.PyArray_NDIM(<cnp.ndarray?>xs) - 1
        self.kind, self.isa, self.xs, self.Wx, self.Wh = kind, isa, xs, Wx, Wh
        self.saved, self.rows, self.reverse = saved, rows, reverse
        self.N, self.T = axis(xs, 0), axis(xs, 1) if last == 2 else 1
        self.D, self.H = axis(xs, last), axis(<cnp.ndarray?>Wh, 0)

    def __reduce__(self):
        kept = self.saved, self.rows, self.reverse
        return Cache, (self.kind, self.isa, self.xs, self.Wx, self.Wh, *kept)


cpdef tuple _forward(
    xs, Wx, Wh, b, h0, c0, Op op, bint need_cache, lengths=None, bint reverse=False
):
    """hs unless single, h, c if there is one, and the cache or None."""
    cdef const cell *k
    cdef int real = op.forward.fits([<ref>xs, <ref>Wx, <ref>Wh, <ref>b, <ref>h0, <ref>c0])
    cdef job j
    cdef sizes s
    cdef int64_t itemsize = 8 if real else 4
    cdef Memory saved = None, scratch
    cdef Rows rows = None
    if real < 0:
        given = xs, Wx, Wh, b, h0, c0
        return op.forward.again(_forward, given, None, (op, need_cache, lengths, reverse))
    k = chosen.of[real].cells[op.number]
    if lengths is not None:
        rows = rows_of(lengths, axis(xs, 0), axis(xs, 1))
    set_sizes(&j, k, real, xs, Wh, rows, reverse)
    hs = None if op.single else empty_rows(xs, 2, j.H, real)
    h = empty_rows(xs, 1, j.H, real)
    c = empty_like(h, real) if op.has_c else None
    if j.N == 0 or j.H == 0 or j.T == 0:
        h[...] = 0 if h0 is None else h0
        if op.has_c:
            c[...] = 0 if c0 is None else c0
        if rows is not None:
            hs.fill(0)
    else:
        if rows is not None and rows.count < rows.N:
            rows.fill_empty(hs, None, j.pitch * j.H)
            rows.fill_empty(h, h0, j.H)
            if op.has_c:
                rows.fill_empty(c, c0, j.H)
        j.keep = need_cache
        k.sizes(&j, &s)
        saved, scratch = take(s.saved * itemsize), take(s.forward * itemsize)
        j.xs, j.Wx, j.Wh, j.b = data(xs), data(Wx), data(Wh), data(b)
        j.h0, j.c0 = data_or_null(h0), data_or_null(c0)
        j.saved, j.scratch = saved.start, scratch.start
        j.h, j.hs, j.c = data(h), data(h if op.single else hs), data_or_null(c)
        with nogil:
            run_phases(k.forward, &j, 1 + j.T * k.products, j.parts)
    cache = Cache(op.name, isa(), xs, Wx, Wh, saved, rows, reverse) if need_cache else None
    if op.single:
        return (h, c, cache) if op.has_c else (h, cache)
    return (hs, h, c, cache) if op.has_c else (hs, h, cache)


cpdef tuple _backward(dhs, dh_last, dc_last, out, Op op, cache):
    """dxs, dh, dc if there is one, dWx, dWh, db."""
    if type(cache) is not Cache:
        raise TypeError(f"cache must come from {op.name}, got {type(cache).__name__}")
    cdef Cache kept = cache
    if kept.kind != op.name:
        raise TypeError(f"cache must come from {op.name}, got one from {kept.kind}")
    xs, Wh = kept.xs, kept.Wh
    cdef int last = 1 if op.single else 2
    if not (
        cnp.PyArray_NDIM(<cnp.ndarray>xs) == last + 1 and axis(xs, 0) == kept.N
        and (op.single or axis(xs, 1) == kept.T) and axis(xs, last) == kept.D
        and axis(Wh, 0) == kept.H
    ):
        raise ValueError(
            f"xs and Wh must have the shapes that forward saw, got {xs.shape} and {Wh.shape}"
        )
    return _gradients(xs, kept.Wx, Wh, dhs, dh_last, dc_last, out, op, kept)


cpdef tuple _gradients(xs, Wx, Wh, dhs, dh_last, dc_last, out, Op op, Cache kept):
    cdef const cell *k
    cdef int real
    cdef job j
    cdef sizes s
    cdef Memory scratch
    cdef Rows rows = kept.rows
    dWx, dWh, db = places(out, 3)
    real = op.backward.fits([
        <ref>xs, <ref>Wx, <ref>Wh, <ref>dhs, <ref>dh_last, <ref>dc_last, <ref>dWx, <ref>dWh, <ref>db
    ])
    if real < 0:
        given = xs, Wx, Wh, dhs, dh_last, dc_last
        return op.backward.again(_gradients, given, out, (op, kept))
    k = chosen.of[real].cells[op.number]
    set_sizes(&j, k, real, xs, Wh, rows, kept.reverse)
    dxs, dh = empty_like(xs, real), empty_rows(xs, 1, j.H, real)
    dc = empty_like(dh, real) if op.has_c else None
    if out is None:
        dWx, dWh = empty_like(Wx, real), empty_like(Wh, real)
        db = empty_rows(xs, 0, k.biases * j.H, real)
    if kept.saved is None:
        for array in (dxs, dWx, dWh, db):
            array.fill(0)
        dh[...] = 0 if dh_last is None else dh_last
        if op.has_c:
            dc[...] = 0 if dc_last is None else dc_last
    elif kept.isa != isa():
        raise ValueError(
            f"cache was made with the instruction set {kept.isa}, this process uses {isa()}: "
            "run forward again"
        )
    else:
        if rows is not None and rows.count < rows.N:
            rows.fill_empty(dxs, None, j.pitch * j.D)
            rows.fill_empty(dh, dh_last, j.H)
            if op.has_c:
                rows.fill_empty(dc, dc_last, j.H)
        j.keep = True
        k.sizes(&j, &s)
        scratch = take(s.backward * (8 if real else 4))
        j.xs, j.Wx, j.Wh = data(xs), data(Wx), data(Wh)
        j.saved, j.scratch, j.dhs = kept.saved.start, scratch.start, data(dhs)
        j.dh_last, j.dc_last = data_or_null(dh_last), data_or_null(dc_last)
        j.dxs, j.dh, j.dc = data(dxs), data(dh), data_or_null(dc)
        j.dWx, j.dWh, j.db = data(dWx), data(dWh), data(db)
        with nogil:
            run_phases(k.backward, &j, 2 + j.T * k.products, j.parts)
    return (dxs, dh, dc, dWx, dWh, db) if op.has_c else (dxs, dh, dWx, dWh, db)


cdef inline void *data_or_null(array) noexcept:
    return NULL if array is None else data(array)


cdef void set_sizes(job *j, const cell *k, int real, xs, Wh, Rows rows, bint reverse) noexcept:
    """Sizes, and parts: as many as have enough to do in every phase."""
    cdef int last = cnp.PyArray_NDIM(<cnp.ndarray>xs) - 1
    cdef double step, enough
    memset(j, 0, sizeof(job))
    j.N, j.T, j.D, j.H = axis(xs, 0), axis(xs, 1) if last == 2 else 1, axis(xs, last), axis(Wh, 0)
    j.pitch, j.reverse = j.T, reverse
    step = j.N
    if rows is not None:
        j.N, j.T = rows.count, rows.T
        j.row, j.length, j.start = rows.row(), rows.length(), rows.start()
        step = <double>j.start[j.T] / max(j.T, <Py_ssize_t>1)
    step = 2.0 * k.gates * max(step, <double>ROWS) * j.H * (2 if real else 1) / FLOPS_A_NS
    enough = min(step * j.H / (k.products * NS_A_MEETING), (j.H + UNITS - 1) // UNITS)
    j.parts = 1
    if enough >= 2:
        j.parts = min(<int64_t>enough, members_for(step * j.T * (j.D + j.H)))
