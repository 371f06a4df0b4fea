"""The hand-written kernels of the instruction set in use (see simd.h)."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t


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

    cdef enum:
        WORD2VEC_PIECE

    ctypedef struct word2vec_group:
        int32_t begin "in", ins, out, outs

    ctypedef struct word2vec_loss:
        double sum
        Py_ssize_t terms

    ctypedef struct word2vec_job:
        Py_ssize_t slices, V, C
        void *W_in
        void *W_out
        const int32_t *ids
        Py_ssize_t size
        const void *keep
        const void *accept
        const int32_t *alias
        int32_t window, negative
        int shrink_windows, skip_gram, mean
        uint64_t seed
        double lr
        Py_ssize_t first, stop, most_pairs, most_ins, most_outs
        int32_t *words
        word2vec_group *groups
        int32_t *ins "in"
        int32_t *outs "out"
        uint8_t *labels
        int32_t *drawn
        int32_t *borders
        Py_ssize_t batches, most_groups, most
        void *h
        void *scores[2]
        void *factors
        word2vec_loss *loss

    ctypedef struct kernel_table:
        const cell **cells
        void (*apply)(int, const void *, void *, Py_ssize_t) noexcept nogil
        Py_ssize_t (*product_units)(const product *) noexcept nogil
        size_t (*product_scratch)(const product *) noexcept nogil
        void (*product)(const void *, int64_t, int64_t, int64_t) noexcept nogil
        void (*word2vec_draw)(const void *, int64_t, int64_t, int64_t) noexcept nogil
        void (*word2vec_train)(const void *, int64_t, int64_t, int64_t) noexcept nogil
        void (*word2vec_add_logarithms)(word2vec_loss *) noexcept nogil

    ctypedef struct instruction_set:
        const char *name
        kernel_table of[2]


cdef const instruction_set *chosen
# the number of a cell in the tables
cdef int cell_number(str name) except -1
