/* What the recurrent kernels of every instruction set are called with. */

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

typedef struct {
    int lanes;       /* no kernel for fewer hidden units than this */
    kernels kind[3]; /* LSTM, GRU, RNN */
    void (*apply)(int is_tanh, const void *x, void *y, ptrdiff_t n);
} kernel_table;

typedef struct {
    const char *name;
    kernel_table of[2]; /* float, double */
} variant;

#endif
