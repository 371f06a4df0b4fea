"""Negative sampling: ids drawn for a whole batch, the loss on a few rows of W, its gradients."""

import numpy as np

from fastembed import _check

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport NAN, isfinite
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from fastembed.ops._costs cimport NS_A_DOT, NS_A_FACTOR
from fastembed.ops._fit cimport (
    are_bits, as_matrix, as_vector, axis, data, empty_like, entry, epsilon, float64, matrix,
    read_ids, size, vector,
)
from fastembed.ops._signature cimport Signature, ref
from fastembed.ops.loss cimport read_bits, sum_of
from fastembed.ops.optim cimport zero_all
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share_gil, slice_function

cnp.import_array()

cdef enum:
    LINE = 16  # columns: no two threads write the same cache line
    BUDGET = 100_000_000  # operations of drawing between two looks for signals

cdef slice_function[2] samples_entry
cdef slice_function[2] guide_entry
cdef slice_function[2] loss_entry
cdef slice_function[2] backward_entry

ctypedef struct samples_args:
    vector p, cdf, targets, uniforms, removed
    matrix out
    vector progress
    int64_t budget
    vector guide

ctypedef struct guide_args:
    vector cdf, guide

ctypedef struct loss_args:
    matrix h, W, targets, labels
    double scale, eps
    vector losses
    matrix dscores

ctypedef struct backward_args:
    matrix dscores, h, W, targets, dh, dW


cdef Signature SAMPLES = Signature("""
    p (V) float64: Weight of each id; they need not sum to one.
    targets (N) ids<V
    size: int; How many ids per sample.
    > ids: (N, size) ndarray of int32
""")


@SAMPLES.documents
def negative_samples(p, targets, size):
    """Draw ids for every sample of a batch: never its target, none twice.

    The draws are those of ``numpy.random.choice(V, size, replace=False, p=...)`` for each target in
    turn, with the target's p set to zero: the same ids, from the same legacy random stream. A
    ValueError says if p is not finite and nonnegative, or fewer ids than size can be drawn.
    """
    size = _size(size)
    out = _draw(p, targets, size)
    if out is None:
        out = SAMPLES.again(_draw, (p, targets), None, (size,))
    return out


cdef class Weights:
    """Weights of ids, summed up once: `draw` takes no longer where there are more of them.

    A copy is kept: what is done to p afterwards changes nothing.
    """

    cdef readonly object p
    cdef Memory sums  # p summed up, and the guide into it
    cdef vector cdf, guide
    cdef int64_t possible

    def __init__(self, p):
        cdef guide_args args
        cdef int64_t V
        self.p = np.array(_check.floats("p", p, ndim=1), np.float64)
        V = axis(self.p, 0)
        self.cdf.size, self.guide.size = V, V // 4 + 2
        self.sums = take((self.cdf.size + self.guide.size) * sizeof(double))
        self.cdf.data = self.sums.start
        self.guide.data = <double *>self.cdf.data + V
        self.possible = _sum_up(<const double *>data(self.p), self.cdf)
        if V:
            args.cdf, args.guide = self.cdf, self.guide
            entry(guide_entry, "negatives.make_guide", 1)(&args, 0, 0, 0)

    def __reduce__(self):
        return Weights, (self.p,)

    def draw(self, targets, size):
        """`negative_samples` of these weights, from the same random numbers."""
        size = _size(size)
        out = _draw(self.p, targets, size, self)
        if out is None:
            out = SAMPLES.again(_draw, (self.p, targets), None, (size, self))
        return out


def _size(size):
    size = _check.integer("size", size)
    if size < 0:
        raise ValueError(f"size must be at least 0, got {size}")
    return size


cdef int64_t _sum_up(const double *weights, vector cdf) except -1:
    """Fill cdf with the sums of weights; how many are not zero."""
    cdef double *sums = <double *>cdf.data
    cdef double total = 0
    cdef bint sound = True
    cdef int64_t k, possible = 0
    for k in range(cdf.size):
        total += weights[k]
        sums[k] = total
        possible += weights[k] > 0
        sound = sound and weights[k] >= 0
    if not sound or not isfinite(total):
        raise ValueError("p must be finite and nonnegative")
    return possible


def _draw(p, targets, int64_t count, Weights summed=None):
    """`negative_samples`, or None if an argument does not fit as it is."""
    cdef samples_args args
    cdef Memory ids, space
    cdef int64_t V, N, k, possible, few
    cdef int64_t[3] progress
    cdef const double *weights
    cdef bint any_target = False
    cdef cnp.npy_intp[2] shape
    if SAMPLES.fits([<ref>p, <ref>targets]) != 1:
        return None
    V, N = axis(p, 0), size(targets)
    ids = take(N * sizeof(int64_t))
    if not read_ids(targets, V, <int64_t *>ids.start):
        return None
    few = min(count, V)  # more cannot be drawn
    weights = <const double *>data(p)
    if summed is None:
        space = take(V * sizeof(double) + (few + 1) * sizeof(int64_t))
        args.cdf.data, args.cdf.size = space.start, V
        args.removed.data = <double *>space.start + V
        possible = _sum_up(weights, args.cdf)
        args.guide.data, args.guide.size = NULL, 0
    else:
        space = take((few + 1) * sizeof(int64_t))
        args.cdf, args.guide = summed.cdf, summed.guide
        args.removed.data = space.start
        possible = summed.possible
    for k in range(N):
        any_target = any_target or weights[(<int64_t *>ids.start)[k]] > 0
    possible -= any_target
    if N and possible < count:
        raise ValueError(f"size = {count} ids cannot be drawn: {possible} have weight")
    shape[0], shape[1] = N, count
    out = cnp.PyArray_EMPTY(2, shape, cnp.NPY_INT32, 0)
    if N == 0 or count == 0:
        return out
    progress[0] = progress[1] = progress[2] = 0
    args.p = as_vector(p)
    args.targets.data, args.targets.size = ids.start, N
    args.removed.size = count + 1
    args.out = as_matrix(out)
    args.progress.data, args.progress.size = progress, 3
    args.budget = BUDGET
    run = entry(samples_entry, "negatives.negative_samples", 1)
    uniforms = np.random.random_sample(N * count)
    while True:
        args.uniforms = as_vector(uniforms)
        with nogil:
            run(&args, 0, 0, 0)
        PyErr_CheckSignals()
        if progress[0] == N:
            return out
        # at least so many more are certain to be needed: none is drawn in vain
        uniforms = uniforms[progress[2]:]
        k = (N - progress[0]) * count - progress[1] - len(uniforms)
        uniforms = np.concatenate([uniforms, np.random.random_sample(k)])


cdef Signature LOSS = Signature("""
    h (N, D)
    W (V, D)
    targets (N, K) ids<V
    labels (N, K) bits: 0 or 1; in any shape that broadcasts to (N, K).
    > loss: numpy.float64
    > dscores (N, K): Gradient of the products, for negative_sampling_backward.
""")
cdef Signature BACKWARD = Signature(
    """
    dscores (N, K): What negative_sampling_loss gave, scaled by the gradient of the loss.
    h (N, D)
    W (V, D)
    targets (N, K) ids<V
    = dW (V, D): Overwritten.
    > dh (N, D)
    """,
    order="h W targets dscores",
)


@LOSS.documents
def negative_sampling_loss(h, W, targets, labels, *, eps=1e-7):
    """Logistic loss on the products of h with a few rows of W (T. Mikolov et al., 2013).

    ``loss = sum over k of mean over n of -log(p[n, k] + eps)``, with p = sigmoid(W[targets] . h)
    where the label is 1, and 1 minus that where it is 0.
    """
    result = _negative_sampling_loss_if_fit(h, W, targets, labels, eps)
    if result is None:
        try:
            labels = np.broadcast_to(labels, np.shape(targets), subok=True)
        except ValueError:
            pass  # the table's error says more
        given = h, W, targets, labels
        result = LOSS.again(_negative_sampling_loss_if_fit, given, None, (eps,))
    return result


@BACKWARD.documents
def negative_sampling_backward(dscores, h, W, targets, dW):
    """Gradients of negative_sampling_loss; dW is overwritten."""
    dh = _negative_sampling_backward_if_fit(dscores, h, W, targets, dW)
    if dh is None:
        dh = BACKWARD.again(_negative_sampling_backward_if_fit, (dscores, h, W, targets), dW)
    return dh


cpdef _negative_sampling_loss_if_fit(h, W, targets, labels, eps):
    """`negative_sampling_loss`, or None if an argument does not fit as it is."""
    # one label for each column: not what the table says
    cdef bint one_row = are_bits(labels) and cnp.PyArray_NDIM(<cnp.ndarray>labels) == 1
    cdef object table_labels = targets if one_row else labels
    cdef int real = LOSS.fits([<ref>h, <ref>W, <ref>targets, <ref>table_labels])
    cdef int64_t n, N, K
    cdef loss_args args
    cdef Memory space
    cdef double *losses
    cdef int64_t *ids
    cdef unsigned char *bits
    cdef double loss = NAN
    if real < 0 or (one_row and size(labels) != axis(targets, 1)):
        return None
    N, K = axis(targets, 0), axis(targets, 1)
    space = take(N * sizeof(double) + N * K * sizeof(int64_t) + max(N, 1) * K)
    losses = <double *>space.start
    ids = <int64_t *>(losses + N)
    bits = <unsigned char *>(ids + N * K)
    if not read_bits(labels, bits):
        return None
    if one_row:
        for n in range(1, N):
            memcpy(bits + n * K, bits, K)
    args.eps, args.scale = epsilon(eps), 1.0 / N if N else 0
    if not read_ids(targets, axis(W, 0), ids):
        return None
    dscores = empty_like(targets, real)
    args.h, args.W, args.dscores = as_matrix(h), as_matrix(W), as_matrix(dscores)
    args.targets.data, args.targets.rows, args.targets.columns = ids, N, K
    args.labels.data, args.labels.rows, args.labels.columns = bits, N, K
    args.losses.data, args.losses.size = losses, N
    run = entry(loss_entry, "sampling.negative_sampling_loss", real)
    share_gil(run, &args, N, 1, N * K * (NS_A_DOT + NS_A_FACTOR * args.W.columns))
    if N:
        loss = sum_of(losses, N)
    return float64(loss), dscores


cpdef _negative_sampling_backward_if_fit(dscores, h, W, targets, dW):
    """`negative_sampling_backward`; None, and nothing is written, if an argument does not fit."""
    cdef int real = BACKWARD.fits([<ref>dscores, <ref>h, <ref>W, <ref>targets, <ref>dW])
    cdef backward_args args
    cdef Memory ids
    if real < 0:
        return None
    dh = empty_like(h, real)
    args.dscores, args.h, args.W = as_matrix(dscores), as_matrix(h), as_matrix(W)
    args.dh, args.dW = as_matrix(dh), as_matrix(dW)
    ids = take(size(targets) * sizeof(int64_t))
    if not read_ids(targets, axis(W, 0), <int64_t *>ids.start):
        return None
    args.targets.data = ids.start
    args.targets.rows, args.targets.columns = axis(targets, 0), axis(targets, 1)
    run = entry(backward_entry, "sampling.negative_sampling_backward", real)
    zero_all((dW,))
    # each thread owns columns: no atomics, the same bits at any thread count
    share_gil(
        run, &args, args.W.columns, LINE,
        size(targets) * (NS_A_DOT + 2 * NS_A_FACTOR * args.W.columns),
    )
    return dh
