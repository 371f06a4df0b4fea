"""word2vec with negative sampling on a text of ids, and the table that negatives are drawn with."""

import numpy as np

from fastembed import _check

cimport numpy as cnp
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t

from fastembed.kernels.simd cimport (
    WORD2VEC_PIECE, chosen, kernel_table, word2vec_group, word2vec_job, word2vec_loss,
)
from fastembed.ops._costs cimport NS_A_DRAW, NS_A_SCORE_LEARNT, NS_A_FACTOR_LEARNT
from fastembed.ops._fit cimport are_ids, axis, data, empty_like, float64, is_plain, size
from fastembed.ops._signature cimport Signature, ref
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport members_for, run_phases, share, share_among

cnp.import_array()

cdef enum:
    LINE = 64  # bytes of a cache line
    PIECES = 4  # of a block, at least
    MOST_OUTS = 1 << 14  # rows of W_out that one word trains
    NS_A_MEETING = 500  # least work of a thread between two meetings

# threads that race: each has a job, at its place in memory, and counts its targets
ctypedef struct racer:
    word2vec_job job
    int64_t targets

ctypedef struct race_args:
    char *racers
    size_t each
    int64_t start, stop
    const kernel_table *table


cdef Signature ALIAS = Signature("""
    p (V) float64: Weights; they need not sum to one.
    > accept (V): Probability that an id drawn from all alike stays as it is.
    > alias: (V,) ndarray of int32; What it becomes otherwise.
""")
cdef Signature TRAIN = Signature(
    """
    ids (N) classes<V: Words of a text, in [0, V); -1 ends a sentence.
    keep (V): Probability that a word is kept.
    accept (V): What alias_table gave, in W_in's dtype.
    alias (V) ids<V: What alias_table gave.
    = W_in (S, V, C): Word vectors in S slices of C columns each; changed in place.
    = W_out (S, V, C): Output vectors; changed in place.
    start: int; The first place of ids that is trained; words around it are seen.
    stop: int; The place after the last one; None: N.
    window: int; Words on either side, at most.
    negative: int; Words drawn for each target; those that are the target are left out.
    lr: float; Learning rate.
    seed: int; Of all that is drawn. With a place of ids it says what is drawn there.
    shrink_windows: bool; How many on either side is drawn for each word; otherwise it is window.
    skip_gram: bool; Each word around a word predicts it; otherwise they do together (CBOW).
    mean: bool; CBOW predicts with the mean of the words around, otherwise with their sum.
    batch: int; Words, or skip-gram's pairs, whose scores are made before any is learnt; at most 512.
    deterministic: bool; False: threads race, each for words of its own, and read what others write.
    > loss: numpy.float64; Sum of the losses of all targets and negatives.
    > targets: int; How many targets there were.
    """,
    order="ids keep accept alias",
)


@ALIAS.documents
def alias_table(p):
    """Walker's table: with it an id is drawn with probability p / sum(p) in one step.

    A ValueError says if p is not finite and nonnegative, or sums to nothing.
    """
    if ALIAS.fits([<ref>p]) != 1:
        return ALIAS.again(alias_table, (p,))
    cdef int64_t V = size(p), k, small, large = 0
    cdef double total = 0
    cdef const double *weights = <const double *>data(p)
    cdef double *left
    cdef Memory space = take(V * (sizeof(double) + sizeof(int64_t)))
    if V >= 1 << 31:
        raise ValueError(f"p must have less than 2**31 entries, got {V}")
    accept = empty_like(p, 1)
    alias = cnp.PyArray_EMPTY(1, cnp.PyArray_DIMS(<cnp.ndarray>p), cnp.NPY_INT32, 0)
    cdef double *accepted = <double *>data(accept)
    cdef int32_t *other = <int32_t *>data(alias)
    cdef int64_t *stack = <int64_t *>space.start + V  # small ones from the left, large from the right
    left = <double *>space.start
    for k in range(V):
        if not 0 <= weights[k] < INFINITY:
            raise ValueError(f"p must be finite and nonnegative, got p[{k}] = {weights[k]}")
        total += weights[k]
    if V and not 0 < total < INFINITY:
        raise ValueError(f"p must have a finite sum above 0, got {total}")
    small, large = 0, V
    for k in range(V):
        left[k] = weights[k] / total * V
        accepted[k], other[k] = 1, k  # which stays so of what is left over by rounding
        if left[k] < 1:
            stack[small] = k
            small += 1
        else:
            large -= 1
            stack[large] = k
    while small and large < V:
        small -= 1
        k = stack[small]
        accepted[k], other[k] = left[k], stack[large]
        left[stack[large]] -= 1 - left[k]
        if left[stack[large]] < 1:
            stack[small] = stack[large]
            small += 1
            large += 1
    return accept, alias


@TRAIN.documents
def train_word2vec(
    W_in, W_out, ids, keep, accept, alias, *, start=0, stop=None, window=5, negative=5, lr=0.025,
    seed=0, shrink_windows=True, skip_gram=False, mean=True, batch=16, deterministic=True,
):
    """Train word vectors on a text (T. Mikolov et al., 2013): skip-gram or CBOW, negative sampling.

    Scores of a batch are made of the vectors as they were before it; then its words are learnt one
    after the other. Threads have slices of their own, so there are as many as slices at most, and the
    bits depend on the shapes alone. A word is left out by chance (keep), then its window is drawn, then
    its negatives. As in word2vec, of a mean every word gets the whole gradient.
    """
    if not are_ids(ids):
        ids = np.asarray(_check.integers("ids", ids))
    options = _options(ids, start, stop, window, negative, lr, seed, batch)
    options += bool(shrink_windows), bool(skip_gram), bool(mean), bool(deterministic)
    result = _train_if_fit(ids, keep, accept, alias, (W_in, W_out), options)
    if result is None:
        given = _word_ids(ids, getattr(W_in, "shape", ())), keep, accept, alias
        result = TRAIN.again(_train_if_fit, given, (W_in, W_out), (options,), -1)
    return result


def _options(ids, start, stop, window, negative, lr, seed, batch):
    N = len(ids) if ids.ndim else 0
    start, stop = _check.integer("start", start), N if stop is None else _check.integer("stop", stop)
    if not 0 <= start <= stop <= N:
        raise ValueError(
            f"start and stop must be 0 <= start <= stop <= {N}, the length of ids, "
            f"got {start} and {stop}"
        )
    window, negative = _check.integer("window", window), _check.integer("negative", negative)
    batch = _check.integer("batch", batch)
    if window < 1 or negative < 0 or batch < 1:
        raise ValueError(
            "window and batch must be at least 1, negative at least 0, "
            f"got window {window}, negative {negative}, batch {batch}"
        )
    if 2 * window * (1 + negative) > MOST_OUTS:
        raise ValueError(
            f"window and negative must be at most 2 window (1 + negative) = {MOST_OUTS}, "
            f"got window {window}, negative {negative}"
        )
    return (start, stop, window, negative, _check.number("lr", lr),
            _check.integer("seed", seed) % 2**64, min(batch, WORD2VEC_PIECE))


def _word_ids(ids, shape):
    """Refuse what is neither an id nor -1, in words that fit."""
    if ids.ndim == 1 and ids.size and len(shape) == 3:
        wrong = ids >= shape[1]
        if ids.dtype.kind == "i":
            wrong |= ids < -1
        if wrong.any():
            k = int(np.argmax(wrong))
            raise IndexError(
                f"ids[{k}] = {ids[k]} is out of bounds for W_in with {shape[1]} rows; "
                "-1 ends a sentence"
            )
    return ids


cdef object as_int32(object x, int64_t start, int64_t stop, int64_t least, int64_t bound):
    """The integers as plain int32, None if one from start to stop is outside [least, bound)."""
    cdef const int32_t *values
    cdef int64_t k, v, wrong = 0
    if not (is_plain(x) and cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.NPY_INT32):
        if size(x) and (x.min() < least or x.max() >= bound):
            return None
        return np.ascontiguousarray(x, np.int32)
    values = <const int32_t *>data(x)
    for k in range(start, stop):
        v = values[k]
        wrong |= (v - least) | (bound - 1 - v)
    return None if wrong < 0 else x


cpdef _train_if_fit(ids, keep, accept, alias, places, options):
    """`train_word2vec`; None, and nothing is written, if an argument does not fit."""
    W_in, W_out = places
    cdef int real = TRAIN.fits(
        [<ref>ids, <ref>keep, <ref>accept, <ref>alias, <ref>W_in, <ref>W_out]
    )
    cdef word2vec_job j
    cdef int64_t start, stop, batch
    cdef bint deterministic
    if real < 0:
        return None
    j.slices, j.V, j.C = axis(W_in, 0), axis(W_in, 1), axis(W_in, 2)
    if j.V >= 1 << 31:
        raise ValueError(f"W_in must have less than 2**31 rows, got {j.V}")
    (start, stop, j.window, j.negative, j.lr, j.seed, batch,
     j.shrink_windows, j.skip_gram, j.mean, deterministic) = options
    ids = as_int32(ids, start, stop, -1, j.V)
    alias = as_int32(alias, 0, j.V, 0, j.V)
    if ids is None or alias is None:
        return None
    j.W_in, j.W_out = data(W_in), data(W_out)
    j.ids, j.size = <const int32_t *>data(ids), size(ids)
    j.keep, j.accept, j.alias = data(keep), data(accept), <const int32_t *>data(alias)
    j.most_pairs, j.most_ins = (2 * j.window, 1) if j.skip_gram else (1, 2 * j.window)
    j.most_outs = 1 + j.negative
    j.most = (batch * j.most_outs // LINE + 2) * LINE  # a group's scores are stored by whole vectors
    j.most_groups = batch
    if j.V == 0 or j.C == 0 or j.slices == 0 or start == stop:
        return float64(0), 0
    return (in_step if deterministic else in_race)(&j, real, start, stop)


cdef double ns_of(const word2vec_job *j) noexcept nogil:
    """Nanoseconds that one thread needs for a word, about."""
    cdef double outs = (1 + j.negative) * (j.window + 1 if j.skip_gram else 1)
    return outs * (NS_A_SCORE_LEARNT + NS_A_FACTOR_LEARNT * j.slices * j.C)


cdef size_t room(const word2vec_job *j, int real, int64_t pieces) noexcept nogil:
    """Bytes of scratch for a block of so many pieces."""
    cdef word2vec_job unused = j[0]
    return <size_t>place(&unused, real, pieces, <char *>LINE) - LINE


cdef char *lines(char **end, int64_t nbytes) noexcept nogil:
    """The next lines of scratch."""
    cdef char *start = end[0]
    end[0] = start + (nbytes + LINE - 1) // LINE * LINE
    return start


cdef char *place(word2vec_job *j, int real, int64_t pieces, char *end) noexcept nogil:
    """Give a job its scratch from a line on; returns where it ends."""
    cdef int64_t itemsize = 8 if real else 4, places = pieces * WORD2VEC_PIECE
    cdef int64_t groups = places * j.most_pairs
    cdef int64_t row = (j.C * itemsize + LINE - 1) // LINE * LINE
    cdef int64_t scores = j.slices * j.most * itemsize
    j.loss = <word2vec_loss *>lines(&end, sizeof(word2vec_loss))
    j.h = lines(&end, j.slices * j.most_groups * row)
    j.scores[0], j.scores[1] = lines(&end, scores), lines(&end, scores)
    j.factors = lines(&end, scores)
    j.groups = <word2vec_group *>lines(&end, groups * sizeof(word2vec_group))
    j.words = <int32_t *>lines(&end, (places + 2 * pieces * j.window) * sizeof(int32_t))
    j.ins = <int32_t *>lines(&end, groups * j.most_ins * sizeof(int32_t))
    j.outs = <int32_t *>lines(&end, groups * j.most_outs * sizeof(int32_t))
    j.labels = <uint8_t *>lines(&end, groups * j.most_outs + LINE)  # read by whole vectors
    j.drawn = <int32_t *>lines(&end, pieces * sizeof(int32_t))
    j.borders = <int32_t *>lines(&end, 2 * groups * sizeof(int32_t))
    return end


cdef int64_t cut(word2vec_job *j, int64_t pieces, int64_t batch) noexcept nogil:
    """Cut what was drawn for each piece into batches; returns how many targets there are."""
    cdef int64_t k, first, end, targets = 0
    j.batches = 0
    for k in range(pieces):
        targets += j.drawn[k]
        first = k * WORD2VEC_PIECE * j.most_pairs
        end = first + j.drawn[k]
        while first < end:
            j.borders[2 * j.batches] = first
            first = min(first + batch, end)
            j.borders[2 * j.batches + 1] = first
            j.batches += 1
    return targets


cdef in_step(word2vec_job *j, int real, int64_t start, int64_t stop):
    """All threads work on the same batch, each on slices of its own."""
    cdef const kernel_table *table = &chosen.of[real]
    cdef double ns = ns_of(j)
    cdef int64_t members = min(members_for(ns * (stop - start)), j.slices)
    cdef int64_t pieces = max(PIECES, 2 * members), targets = 0, block = pieces * WORD2VEC_PIECE
    cdef double batch_ns = j.most_groups * ns / (j.window + 1 if j.skip_gram else 1)
    cdef int64_t most = max(1, <int64_t>(batch_ns / NS_A_MEETING))
    cdef Memory space = take(room(j, real, pieces))
    place(j, real, pieces, space.start)
    j.loss.sum, j.loss.terms = 0, 0
    with nogil:
        while start < stop:
            j.first, j.stop = start, min(start + block, stop)
            pieces = (j.stop - j.first + WORD2VEC_PIECE - 1) // WORD2VEC_PIECE
            share(table.word2vec_draw, j, pieces, 1,
                  NS_A_DRAW * (j.stop - j.first) * j.most_outs * (j.most_pairs + 1) / 2)
            targets += cut(j, pieces, j.most_groups)
            members = min(members_for(ns * (j.stop - j.first)), j.slices, most)
            run_phases(table.word2vec_train, j, j.batches + 1, members)
            start = j.stop
        table.word2vec_add_logarithms(j.loss)
    return float64(j.loss.sum), targets


cdef in_race(word2vec_job *j, int real, int64_t start, int64_t stop):
    """Each thread works on pieces of its own."""
    cdef double ns = ns_of(j) * (stop - start), loss = 0
    cdef int members = members_for(ns), k
    cdef size_t scratch = room(j, real, 1), each = scratch + sizeof(racer)
    cdef int64_t targets = 0
    cdef racer *one
    cdef race_args args
    each = (each + LINE - 1) // LINE * LINE
    cdef Memory space = take(members * each)
    args.racers, args.each, args.start, args.stop = space.start, each, start, stop
    args.table = &chosen.of[real]
    for k in range(members):
        one = <racer *>(space.start + k * each)
        one.job, one.targets = j[0], 0
        place(&one.job, real, 1, <char *>one + each - scratch)
        one.job.loss.sum, one.job.loss.terms = 0, 0
    with nogil:
        share_among(
            members, race, &args, (stop - start + WORD2VEC_PIECE - 1) // WORD2VEC_PIECE, 1, ns
        )
    for k in range(members):
        one = <racer *>(space.start + k * each)
        args.table.word2vec_add_logarithms(one.job.loss)
        loss += one.job.loss.sum
        targets += one.targets
    return float64(loss), targets


cdef void race(const void *args, int64_t lo, int64_t hi, int64_t member) noexcept nogil:
    cdef const race_args *all = <const race_args *>args
    cdef racer *one = <racer *>(all.racers + member * all.each)
    cdef word2vec_job *j = &one.job
    cdef int64_t piece, phase
    for piece in range(lo, hi):
        j.first = all.start + piece * WORD2VEC_PIECE
        j.stop = min(j.first + WORD2VEC_PIECE, all.stop)
        all.table.word2vec_draw(j, 0, 1, 0)
        one.targets += cut(j, 1, j.most_groups)
        for phase in range(j.batches + 1):
            all.table.word2vec_train(j, phase, 0, 1)
