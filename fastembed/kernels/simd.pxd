"""The hand-written kernels of the instruction set in use (see simd.h)."""

from libc.stdint cimport int64_t


cdef extern from "jobs.h":
    ctypedef struct job:
        Py_ssize_t N, T, D, H
        const Py_ssize_t *row
        const Py_ssize_t *length
        const Py_ssize_t *start
        Py_ssize_t pitch
        int reverse
        Py_ssize_t parts
        int keep
        const void *xs
        const void *Wx
        const void *Wh
        const void *b
        const void *h0
        const void *c0
        void *saved
        void *scratch
        void *hs
        void *h
        void *c
        const void *dhs
        const void *dh_last
        const void *dc_last
        void *dxs
        void *dh
        void *dc
        void *dWx
        void *dWh
        void *db

    ctypedef struct sizes:
        Py_ssize_t saved, forward, backward

    ctypedef struct cell:
        int gates, biases, state, products
        void (*sizes)(const job *, sizes *) noexcept nogil
        void (*forward)(const void *, int64_t, int64_t, int64_t) noexcept nogil
        void (*backward)(const void *, int64_t, int64_t, int64_t) noexcept nogil
        void (*give_gates)(const job *, const void *, void *) noexcept nogil
        void (*take_gates)(const job *, const void *) noexcept nogil

    ctypedef struct product:
        Py_ssize_t M, N, K
        const void *a
        Py_ssize_t a_row, a_col
        const void *b
        Py_ssize_t b_row, b_col
        void *c
        Py_ssize_t c_row
        const void *bias
        int add
        int along_rows
        void *scratch

    ctypedef struct kernel_table:
        const cell **cells
        void (*apply)(int, const void *, void *, Py_ssize_t) noexcept nogil
        Py_ssize_t (*product_units)(const product *) noexcept nogil
        size_t (*product_scratch)(const product *) noexcept nogil
        void (*product)(const void *, int64_t, int64_t, int64_t) noexcept nogil

    ctypedef struct instruction_set:
        const char *name
        kernel_table of[2]


cdef const instruction_set *chosen
# the number of a cell in the tables
cdef int cell_number(str name) except -1
