/* What the kernels of every instruction set are called with. */

#ifndef FASTEMBED_JOBS_H
#define FASTEMBED_JOBS_H

#include <stddef.h>
#include <stdint.h>

/* A recurrent layer over T steps; G gates side by side in the weights. Rows may end earlier: then those
 * that are still there at a step come first, in the order of their lengths. */
typedef struct {
    ptrdiff_t N, T, D, H;
    /* NULL, or where each row is in the caller's arrays (N,), its steps, the most first (N,), and how
     * many rows all steps before this one have (T + 1,) */
    const ptrdiff_t *row, *length, *start;
    ptrdiff_t pitch; /* steps from one row of xs and hs to the next */
    int reverse;     /* from the last step of each row to its first */
    ptrdiff_t parts; /* the most there will be */
    int keep;        /* saved is for a backward; otherwise it has room for some steps */
    const void *xs;  /* (N, T, D) */
    const void *Wx, *Wh, *b; /* (D, G H), (H, G H), (G H,) */
    const void *h0, *c0;     /* (N, H); NULL is zero */
    void *saved, *scratch;   /* aligned to 64 bytes */
    void *hs;                /* (N, T, H) */
    void *h, *c;             /* (N, H), the last ones */
    const void *dhs, *dh_last, *dc_last; /* as hs, h and c; the last two: NULL is zero */
    void *dxs, *dh, *dc, *dWx, *dWh, *db;
} job;

typedef struct {
    ptrdiff_t saved, forward, backward; /* numbers that a job needs room for */
} sizes;

typedef struct {
    int gates, biases, state, products; /* gates in Wx and Wh, and in b; state: 1 if c is there; products of Wh in a step, one after the other */
    void (*sizes)(const job *, sizes *);
    /* Run one part of a phase, see cell.h: 1 + T products phases, and one more in backward. */
    void (*forward)(const void *job, int64_t phase, int64_t part, int64_t parts);
    void (*backward)(const void *job, int64_t phase, int64_t part, int64_t parts);
    void (*give_gates)(const job *, const void *blocks, void *rows);
    void (*take_gates)(const job *, const void *gates);
} cell;

#include "word2vec.h"
#include "cells.h"
#define AND_ONE(name) +1
enum { CELL_COUNT = 0 CELLS(AND_ONE) };

/* c = a b, or c += a b; strides count numbers, from one row or column to the next */
typedef struct {
    ptrdiff_t M, N, K;
    const void *a; /* (M, K), any strides */
    ptrdiff_t a_row, a_col;
    const void *b; /* (K, N), any strides */
    ptrdiff_t b_row, b_col;
    void *c; /* (M, N), columns contiguous; need not hold numbers unless they are added to */
    ptrdiff_t c_row;
    const void *bias; /* (N,), added to every row, or NULL; not together with add */
    int add;
    int along_rows; /* slices are rows of c, otherwise columns */
    void *scratch;  /* that of all members, aligned to 64 bytes */
} product;

typedef struct {
    const cell *cells[CELL_COUNT];
    void (*apply)(int is_tanh, const void *x, void *y, ptrdiff_t n);
    ptrdiff_t (*product_units)(const product *);   /* along the sliced axis */
    size_t (*product_scratch)(const product *);    /* bytes for one member, a multiple of 64 */
    /* Units lo to hi of c. Any slices give the same bits; so do threads, each its own member. */
    void (*product)(const void *args, int64_t lo, int64_t hi, int64_t member);
    /* Draw some pieces of a block; a phase of training on it; the logarithms of its loss. */
    void (*word2vec_draw)(const void *job, int64_t lo, int64_t hi, int64_t member);
    void (*word2vec_train)(const void *job, int64_t phase, int64_t part, int64_t parts);
    void (*word2vec_add_logarithms)(word2vec_loss *);
} kernel_table;

typedef struct {
    const char *name;
    kernel_table of[2]; /* float, double */
} instruction_set;

#endif
