"""Softmax, the losses on softmax and sigmoid, and affine with softmax and loss in one."""

cimport numpy as cnp
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t

from fastembed.kernels.simd cimport product
from fastembed.ops._costs cimport NS_A_LOGIT, NS_A_SCORE
from fastembed.ops._fit cimport (
    as_matrix, as_vector, data, empty_like, entry, epsilon, float64, matrix, number, read_labels,
    size, vector,
)
from fastembed.ops._signature cimport Signature, places, ref
from fastembed.ops.dense cimport as_grid, grid, multiply, set_operands, set_result, sum_rows, turned
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share, share_gil, slice_function

cnp.import_array()

# scores of a block of linear_cross_entropy, about: enough for fast products, few enough for a cache
BLOCK = 1 << 22
cdef enum:
    LEAST = 64  # rows of a block, where there are so many

cdef slice_function[2] softmax_entry
cdef slice_function[2] backward_entry
cdef slice_function[2] loss_entry
cdef slice_function[2] loss_alone_entry
cdef slice_function[2] sigmoid_entry

ctypedef struct softmax_args:
    matrix x, y

ctypedef struct backward_args:
    matrix dout, y, dx

ctypedef struct loss_args:
    matrix scores
    vector labels
    double scale, eps, smoothing
    vector losses
    matrix dscores

ctypedef struct sigmoid_args:
    vector scores, labels
    double scale, eps
    vector losses, dscores


# what the blocks of linear_cross_entropy are made of; dx and what follows only if gradients are wanted
ctypedef struct parts:
    grid x, W
    void *b
    bint need_grad
    grid dx, dW
    void *db


cdef Signature SOFTMAX = Signature("""
    x (..., V+)
    > y (..., V)
""")
cdef Signature SOFTMAX_BACKWARD = Signature(
    """
    dout (..., V): Gradient of y.
    y (..., V+): What softmax gave.
    > dx (..., V)
    """,
    order="y dout",
)
cdef Signature CROSS_ENTROPY = Signature("""
    scores (..., V+)
    labels (...) classes<V: Classes in [-V, V); negative ones other than ignore_label count from
        the end.
    > loss: numpy.float64; NaN if no label counts.
    > dscores (..., V): Gradient of loss; None without need_grad.
""")
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
cdef Signature SIGMOID_CROSS_ENTROPY = Signature("""
    scores (...)
    labels (...) bits
    > loss: numpy.float64
    > dscores (...): Gradient of loss.
""")


@SOFTMAX.documents
def softmax(x):
    """Softmax over the last axis."""
    y = softmax_if_fit(x)
    return SOFTMAX.again(softmax_if_fit, (x,)) if y is None else y


@SOFTMAX_BACKWARD.documents
def softmax_backward(dout, y):
    """Gradient of softmax: ``y * (dout - sum(dout * y))`` over the last axis."""
    dx = softmax_backward_if_fit(dout, y)
    return SOFTMAX_BACKWARD.again(softmax_backward_if_fit, (dout, y)) if dx is None else dx


@CROSS_ENTROPY.documents
def softmax_cross_entropy(
    scores, labels, *, ignore_label=-1, eps=0.0, need_grad=True, label_smoothing=0.0
):
    """Mean cross-entropy of softmax(scores), and its gradient.

    ``loss = mean(-log(softmax(scores)[label] + eps))`` over the labels that count.
    Smoothed labels are those of arXiv:1512.00567; eps is added to the label's probability alone.
    """
    rest = eps, need_grad, label_smoothing
    result = softmax_cross_entropy_if_fit(scores, labels, ignore_label, *rest)
    if result is None:
        result = CROSS_ENTROPY.again(
            softmax_cross_entropy_if_fit, (scores, labels), None, (-1, *rest), ignore_label
        )
    return result


@SIGMOID_CROSS_ENTROPY.documents
def sigmoid_cross_entropy(scores, labels, *, eps=0.0):
    """Mean binary cross-entropy of sigmoid(scores), and its gradient.

    ``loss = mean(-log(p + eps))`` with p = sigmoid(score) where the label is 1, else 1 minus that.
    """
    result = _sigmoid_cross_entropy_if_fit(scores, labels, eps)
    if result is None:
        result = SIGMOID_CROSS_ENTROPY.again(
            _sigmoid_cross_entropy_if_fit, (scores, labels), None, (eps,)
        )
    return result


@LINEAR.documents
def linear_cross_entropy(
    x, W, b, labels, *, ignore_label=-1, out=None, need_grad=True, label_smoothing=0.0
):
    """Mean cross-entropy of ``softmax(x @ W + b)``, and its gradients.

    The scores of a block of rows exist at a time, never all of them (E. Wijmans et al., Cut Your
    Losses in Large-Vocabulary Language Models, 2024).
    """
    rest = need_grad, label_smoothing
    result = _linear_cross_entropy_if_fit(x, W, b, labels, out, ignore_label, *rest)
    if result is None:
        result = LINEAR.again(
            _linear_cross_entropy_if_fit, (x, W, b, labels), out, (-1, *rest), ignore_label
        )
    return result


# ---- doors


cpdef softmax_if_fit(x):
    """`softmax`, or None if x does not fit as it is."""
    cdef int real = SOFTMAX.fits([<ref>x])
    if real < 0:
        return None
    y = empty_like(x, real)
    softmax_into(real, x, y)
    return y


cdef int softmax_into(int real, x, y) except -1:
    cdef softmax_args args
    args.x, args.y = as_matrix(x), as_matrix(y)
    if args.x.columns == 0:
        return 0  # attention to no states: a row has no first entry to read
    run = entry(softmax_entry, "loss.softmax", real)
    share_gil(run, &args, args.x.rows, 1, args.x.rows * args.x.columns * NS_A_SCORE)
    return 0


cpdef softmax_backward_if_fit(dout, y):
    """`softmax_backward`, or None if an argument does not fit as it is."""
    cdef int real = SOFTMAX_BACKWARD.fits([<ref>dout, <ref>y])
    if real < 0:
        return None
    dx = empty_like(y, real)
    softmax_backward_into(real, dout, y, dx)
    return dx


cdef int softmax_backward_into(int real, dout, y, dx) except -1:
    cdef backward_args args
    args.dout, args.y, args.dx = as_matrix(dout), as_matrix(y), as_matrix(dx)
    run = entry(backward_entry, "loss.softmax_backward", real)
    share_gil(run, &args, args.y.rows, 1, args.y.rows * args.y.columns * NS_A_SCORE)
    return 0


cpdef softmax_cross_entropy_if_fit(
    scores, labels, ignore_label, eps, bint need_grad, label_smoothing=0.0
):
    """`softmax_cross_entropy`, or None if an argument does not fit as it is."""
    cdef int real = CROSS_ENTROPY.fits([<ref>scores, <ref>labels])
    cdef int64_t n, count
    cdef loss_args args
    cdef Memory space
    cdef double loss = NAN
    if real < 0 or (ignore_label is not None and type(ignore_label) is not int):
        return None
    args.scores, args.eps = as_matrix(scores), epsilon(eps)
    args.smoothing = share_of_all(label_smoothing)
    n = size(labels)
    space = take(n * (sizeof(double) + sizeof(int64_t)))
    args.losses.data, args.losses.size = space.start, n
    args.labels.data, args.labels.size = <double *>space.start + n, n
    count = read_labels(labels, args.scores.columns, ignore_label, <int64_t *>args.labels.data)
    if count < 0:
        return None
    args.scale = 1.0 / count if count else 0
    if need_grad:
        dscores = empty_like(scores, real)
        args.dscores = as_matrix(dscores)
        run = entry(loss_entry, "loss.softmax_cross_entropy", real)
    else:
        dscores = None
        run = entry(loss_alone_entry, "loss.softmax_loss", real)
    share_gil(run, &args, n, 1, n * args.scores.columns * NS_A_SCORE)
    if count:
        loss = sum_of(<double *>space.start, n) / count
    return float64(loss), dscores


cpdef _sigmoid_cross_entropy_if_fit(scores, labels, eps):
    """`sigmoid_cross_entropy`, or None if an argument does not fit as it is."""
    cdef int real = SIGMOID_CROSS_ENTROPY.fits([<ref>scores, <ref>labels])
    cdef int64_t n
    cdef sigmoid_args args
    cdef Memory space
    cdef double loss = NAN
    if real < 0:
        return None
    n = size(scores)
    space = take(n * (sizeof(double) + 1))
    args.labels.data, args.labels.size = space.start + n * sizeof(double), n
    if not read_bits(labels, <unsigned char *>args.labels.data):
        return None
    dscores = empty_like(scores, real)
    args.scores, args.dscores = as_vector(scores), as_vector(dscores)
    args.losses.data, args.losses.size = space.start, n
    args.scale, args.eps = 1.0 / n if n else 0, epsilon(eps)
    run = entry(sigmoid_entry, "loss.sigmoid_cross_entropy", real)
    share_gil(run, &args, n, 16, n * NS_A_LOGIT)
    if n:
        loss = sum_of(<double *>space.start, n) / n
    return float64(loss), dscores


cpdef _linear_cross_entropy_if_fit(
    x, W, b, labels, out, ignore_label, bint need_grad, label_smoothing=0.0
):
    """`linear_cross_entropy`; None, and nothing is written, if an argument does not fit as it is."""
    cdef int real
    cdef int64_t n, count
    cdef vector ids
    cdef parts p
    cdef Memory space
    cdef double loss = NAN, smoothing = share_of_all(label_smoothing)
    dx = dW = db = None
    if need_grad:
        dW, db = places(out, 2)
    real = LINEAR.fits([<ref>x, <ref>W, <ref>b, <ref>labels, <ref>dW, <ref>db])
    if real < 0 or (ignore_label is not None and type(ignore_label) is not int):
        return None
    as_grid(x, &p.x)
    as_grid(W, &p.W)
    p.b, p.need_grad = data(b), need_grad
    if need_grad:
        if out is None:
            dW, db = empty_like(W, real), empty_like(b, real)
        dx = empty_like(x, real)
        as_grid(dx, &p.dx)
        as_grid(dW, &p.dW)
        p.db = data(db)
    n = size(labels)
    space = take(n * (sizeof(double) + sizeof(int64_t)))
    ids.data, ids.size = <double *>space.start + n, n
    count = read_labels(labels, p.W.columns, ignore_label, <int64_t *>ids.data)
    if count < 0:
        return None
    if need_grad and n == 0:
        dW.fill(0)
        db.fill(0)
    _all_blocks(&p, ids, 1.0 / count if count else 0, smoothing, <double *>space.start, real)
    if count:
        loss = sum_of(<double *>space.start, n) / count
    return float64(loss), dx, dW, db


cdef double share_of_all(label_smoothing) except? -1:
    cdef double share = number("label_smoothing", label_smoothing)
    if not 0 <= share <= 1:
        raise ValueError(f"label_smoothing must be in [0, 1], got {label_smoothing!r}")
    return share


cdef int _all_blocks(
    const parts *p, vector labels, double scale, double smoothing, double *losses, int real
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
    loss.scale, loss.eps, loss.smoothing = scale, 0, smoothing
    if p.need_grad:
        run = entry(loss_entry, "loss.softmax_cross_entropy", real)
    else:
        run = entry(loss_alone_entry, "loss.softmax_loss", real)
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
            loss.labels.data, loss.labels.size = <int64_t *>labels.data + lo, n
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


cdef double sum_of(const double *x, int64_t n) noexcept nogil:
    """In pairs, as NumPy does: the rounding of long sums stays small."""
    cdef double s = 0
    cdef int64_t k
    if n > 128:
        k = n // 2
        return sum_of(x, k) + sum_of(x + k, n - k)
    for k in range(n):
        s += x[k]
    return s


cdef bint read_bits(labels, unsigned char *out) except -1:
    """Copy labels; False if one is neither 0 nor 1."""
    cdef int64_t n = size(labels), itemsize = cnp.PyArray_ITEMSIZE(<cnp.ndarray>labels), k, wrong = 0
    cdef const int64_t *wide = <const int64_t *>data(labels)
    cdef const int32_t *narrow = <const int32_t *>data(labels)
    cdef const unsigned char *bytes = <const unsigned char *>data(labels)
    for k in range(n):
        if itemsize == 8:
            wrong |= wide[k]
            out[k] = <unsigned char>wide[k]
        elif itemsize == 4:
            wrong |= narrow[k]
            out[k] = <unsigned char>narrow[k]
        else:
            wrong |= bytes[k]
            out[k] = bytes[k]
    return (wrong & ~<int64_t>1) == 0
