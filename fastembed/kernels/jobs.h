/* What the kernels of every instruction set are called with. */

#ifndef FASTEMBED_JOBS_H
#define FASTEMBED_JOBS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    ptrdiff_t N, T, D, H, members;
    const void *xs, *Wx, *Wh, *b, *h0, *c0; /* h0, c0, dc_last: NULL is zero */
    void *saved, *scratch;
    void *hs, *h, *c;
    const void *dhs, *dc_last;
    void *dxs, *dh, *dc, *dWx, *dWh, *db;
} job;

typedef struct {
    ptrdiff_t saved, forward, backward; /* numbers that a job needs room for */
} sizes;

typedef struct {
    void (*sizes)(const job *, sizes *);
    void (*forward)(const job *, int member, int size, int64_t *sync);
    void (*backward)(const job *, int member, int size, int64_t *sync);
} kernels;

enum { LSTM, GRU, RNN };

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
    int lanes;       /* no kernel for fewer hidden units than this */
    kernels kind[3]; /* LSTM, GRU, RNN */
    void (*apply)(int is_tanh, const void *x, void *y, ptrdiff_t n);
    ptrdiff_t (*product_units)(const product *);   /* along the sliced axis */
    size_t (*product_scratch)(const product *);    /* bytes for one member, a multiple of 64 */
    /* Units lo to hi of c. Any slices give the same bits; so do threads, each its own member. */
    void (*product)(const void *args, int64_t lo, int64_t hi, int64_t member);
} kernel_table;

typedef struct {
    const char *name;
    kernel_table of[2]; /* float, double */
} variant;

#endif
