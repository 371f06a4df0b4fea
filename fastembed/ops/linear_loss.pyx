"""Affine, softmax, loss and all gradients, a block of rows at a time."""

cimport numpy as cnp
from libc.math cimport NAN
from libc.stdint cimport int64_t

from fastembed.kernels.simd cimport product
from fastembed.ops._costs cimport NS_A_SCORE
from fastembed.ops._fit cimport (
    axis, data, empty, empty_like, entry, float64, forget_ids, id_list, matrix, read_labels,
    vector,
)
from fastembed.ops._signature cimport Signature, ref
from fastembed.ops.dense cimport as_grid, grid, multiply, set_operands, set_result, sum_rows, turned
from fastembed.ops.loss cimport sum_of
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share, slice_function

cnp.import_array()

# scores of a block, about: enough for fast products, few enough for a cache
BLOCK = 1 << 22
cdef enum:
    LEAST = 64  # rows of a block, where there are so many

cdef slice_function[2] loss_entry
cdef slice_function[2] loss_alone_entry

ctypedef struct loss_args:
    matrix scores
    vector labels
    double scale, eps
    vector losses
    matrix dscores

# what the blocks are made of; dx and what follows only if gradients are wanted
ctypedef struct parts:
    grid x, W
    void *b
    bint need_grad
    grid dx, dW
    void *db


cdef Signature LINEAR = Signature(
    """
    x (..., D)
    W (D, V+) tied
    b (V)
    labels (...) classes<V: Classes in [-V, V); negative ones other than ignore_label count from
        the end.
    > loss: numpy.float64; NaN if no label counts.
    > dx (..., D): Gradients of loss; None without need_grad.
    + dW (D, V) tied
    + db (V)
    """,
    order="W x b labels",
)


@LINEAR.documents
def linear_cross_entropy(x, W, b, labels, *, ignore_label=-1, out=None, need_grad=True):
    """Mean cross-entropy of ``softmax(x @ W + b)``, and its gradients.

    The scores of a block of rows exist at a time, never all of them (E. Wijmans et al., Cut Your
    Losses in Large-Vocabulary Language Models, 2024).
    """
    result = linear_cross_entropy_if_fit(x, W, b, labels, out, ignore_label, need_grad)
    if result is None:
        result = LINEAR.again(
            linear_cross_entropy_if_fit, (x, W, b, labels), out, (-1, need_grad), ignore_label
        )
    return result


cpdef linear_cross_entropy_if_fit(x, W, b, labels, out, ignore_label, bint need_grad):
    """`linear_cross_entropy`; None, and nothing is written, if an argument does not fit as it is."""
    cdef int real
    cdef int64_t count
    cdef id_list ids
    cdef parts p
    cdef Memory losses
    cdef cnp.npy_intp[2] shape
    cdef double loss = NAN
    dx = dW = db = None
    if need_grad and out is not None:
        dW, db = out
    real = LINEAR.fits([<ref>x, <ref>W, <ref>b, <ref>labels, <ref>dW, <ref>db])
    if real < 0 or (ignore_label is not None and type(ignore_label) is not int):
        return None
    as_grid(x, &p.x)
    as_grid(W, &p.W)
    p.b, p.need_grad = data(b), need_grad
    if need_grad:
        if out is None:
            shape[0], shape[1] = p.W.rows, p.W.columns
            dW, db = empty(2, shape, real), empty(1, shape + 1, real)
        dx = empty_like(x, real)
        as_grid(dx, &p.dx)
        as_grid(dW, &p.dW)
        p.db = data(db)
    try:
        count = read_labels(labels, p.W.columns, ignore_label, &ids)
        if count < 0:
            return None
        if need_grad and ids.size == 0:
            dW.fill(0)
            db.fill(0)
        losses = take(ids.size * sizeof(double))
        _all_blocks(&p, &ids, 1.0 / count if count else 0, <double *>losses.start, real)
        if count:
            loss = sum_of(<double *>losses.start, ids.size) / count
    finally:
        forget_ids(&ids)
    return float64(loss), dx, dW, db


cdef int _all_blocks(
    const parts *p, const id_list *labels, double scale, double *losses, int real
) except -1:
    """Scores, losses, gradients over the scores, and what they add to dx, dW and db."""
    cdef int64_t lo = 0, n, N = labels.size, V = p.W.columns
    cdef int64_t most = max(LEAST, <int64_t>BLOCK // V), blocks = (N + most - 1) // most
    cdef int64_t height = (N + blocks - 1) // blocks if blocks else 0
    cdef Memory space = take(height * V * (8 if real else 4))
    cdef product job
    cdef grid x, scores
    cdef loss_args loss
    scores.data, scores.columns, scores.row, scores.col = space.start, V, V, 1
    loss.scale, loss.eps = scale, 0
    if p.need_grad:
        run = entry(loss_entry, "loss.softmax_cross_entropy_slices", real)
    else:
        run = entry(loss_alone_entry, "loss.softmax_loss_slices", real)
    with nogil:
        while lo < N:
            n = height if lo + height < N else N - lo
            x, scores.rows = some_rows(p.x, lo, n, real), n
            set_operands(&job, x, p.W)
            job.bias = p.b
            set_result(&job, scores)
            multiply(&job, real)
            loss.scores.data, loss.scores.rows, loss.scores.columns = space.start, n, V
            loss.dscores = loss.scores
            loss.labels.data, loss.labels.size = labels.data + lo, n
            loss.losses.data, loss.losses.size = losses + lo, n
            share(run, &loss, n, 1, n * V * NS_A_SCORE)
            if p.need_grad:
                set_operands(&job, scores, turned(p.W))
                set_result(&job, some_rows(p.dx, lo, n, real))
                multiply(&job, real)
                set_operands(&job, turned(x), scores)
                job.add = lo > 0
                set_result(&job, p.dW)
                multiply(&job, real)
                sum_rows(&job, scores, real, p.db)
                job.add = lo > 0
                multiply(&job, real)
            lo += n
    return 0


cdef inline grid some_rows(grid g, int64_t lo, int64_t n, int real) noexcept nogil:
    """Rows lo to lo + n."""
    g.data, g.rows = <char *>g.data + lo * g.row * (8 if real else 4), n
    return g
