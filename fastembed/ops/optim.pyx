"""Optimizer steps in place, one pass over memory; norm, scaling, sums and zeros of many arrays."""

import inspect

import numpy as np

from fastembed import _check

cimport numpy as cnp
from libc.math cimport sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from fastembed.ops._costs cimport (
    NS_A_BYTE_ZEROED, NS_A_PLUS, NS_A_ROW, NS_A_SQUARE, NS_A_STEP, NS_A_STEP_WITH_ROOT,
)
from fastembed.ops._fit cimport (
    apart, as_vector, axis, data, entry, number, plain_ids, real_in_any_layout, same_shape, size,
    vector, writable,
)
from fastembed.ops._signature cimport Signature, ref
from fastembed.ops.loss cimport sum_of
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport share_gil, slice_function

cnp.import_array()

cdef enum:
    CHUNK = 1 << 14  # entries that the norm adds up by themselves, whatever the number of threads
    BLOCK = 1 << 15  # entries of a sum that stay in a core's cache while every array is added
    LINE = 16  # entries: no two threads write the same cache line
    LINE_BYTES = 64
    AHEAD = 12  # rows that are on their way from memory while one is stepped
    FETCHED = 512  # bytes of such a row; the hardware follows a longer one by itself

cdef enum:
    PARAM, GRAD, FIRST, SECOND  # the arrays of a step

cdef extern from *:
    """
    #define FETCH(address) __builtin_prefetch(address, 0, 2)  // into the second cache
    """
    void FETCH(const void *address) noexcept nogil

cdef slice_function[2] squares_entry
cdef slice_function[2] scale_entry
cdef slice_function[2] add_entry

# what a kernel of kernels/optim.py finds in its args
ctypedef struct step_args:
    vector[4] arrays
    double[3] scalars

# a step of some rows alone
ctypedef struct rows_args:
    step_args step
    slice_function run
    int64_t count  # arrays
    const int64_t *rows
    int64_t columns, row_bytes

ctypedef struct scale_args:
    vector x
    double rate

ctypedef struct squares_args:
    vector x
    int64_t chunk
    vector sums

ctypedef struct add_args:
    vector x, total

ctypedef struct sum_args:
    slice_function add
    int64_t count
    add_args *terms


cdef class Step:
    """A kind of step: what it does, what its arrays of state and its numbers are called."""

    cdef slice_function[2] kernels
    cdef readonly str name
    cdef str formula
    cdef tuple states, scalars
    cdef Signature of_rows
    cdef double ns  # an entry

    def __init__(self, name, formula, states, scalars, ns):
        self.name, self.formula, self.ns = name, formula, ns
        self.states, self.scalars = tuple(states.split()), tuple(scalars.split())
        places = "".join(f"\n= {place} (V, D)" for place in ("param", *self.states))
        self.of_rows = Signature("grad (U, D)\nrows (U) ids<V" + places)

    cdef int read_scalars(self, tuple arrays, tuple scalars, step_args *args) except -1:
        """Refuse other numbers of arrays and scalars than a step has."""
        cdef int k
        if len(arrays) != 2 + len(self.states) or len(scalars) != len(self.scalars):
            names = "param", "grad", *self.states, *self.scalars
            raise TypeError(
                f"{self.name} takes {', '.join(names)}, got {len(arrays)} arrays and {len(scalars)} numbers"
            )
        for k in range(len(scalars)):
            args.scalars[k] = number(self.scalars[k], scalars[k])
        return 0

    cdef int read(self, tuple arrays, tuple scalars, step_args *args) except -2:
        """0 for arrays (param, grad, states) of float32, 1 for float64, -1 if one does not fit."""
        cdef int real, k, j
        self.read_scalars(arrays, scalars, args)
        param = arrays[PARAM]
        real = _real_of_flat(param)
        if real < 0:
            return -1
        for k in range(len(arrays)):
            array = arrays[k]
            if not _flat_like(array, param, real) or (k != GRAD and not writable(array)):
                return -1
            for j in range(k):
                if not apart(array, arrays[j]):
                    return -1
            args.arrays[k] = as_vector(array)
        return real

    cdef int step(self, step_args *args, int real) except -1:
        """Step arrays that were read."""
        cdef int64_t n = args.arrays[PARAM].size
        if self.kernels[real] == NULL:
            entry(self.kernels, f"optim.{self.name}", real)
        return share_gil(self.kernels[real], args, n, LINE, n * self.ns)

    cdef bint run_if_fit(self, tuple arrays, tuple scalars) except -1:
        """Step arrays; False, and nothing is done, if one does not fit."""
        cdef step_args args
        cdef int real = self.read(arrays, scalars, &args)
        if real < 0:
            return False
        self.step(&args, real)
        return True

    cdef bint run_rows_if_fit(self, tuple arrays, rows, tuple scalars) except -1:
        """Step those rows of param and states, grad having no others; False if an array does not fit.

        Rows must ascend, so that no two threads step the same one.
        """
        cdef rows_args args
        cdef Memory space
        cdef int64_t U, V, k, last = -1
        cdef int64_t *ids
        cdef int real
        self.read_scalars(arrays, scalars, &args.step)
        param, grad = arrays[PARAM], arrays[GRAD]
        first = arrays[FIRST] if len(arrays) > FIRST else None
        second = arrays[SECOND] if len(arrays) > SECOND else None
        real = self.of_rows.fits([<ref>grad, <ref>rows, <ref>param, <ref>first, <ref>second])
        if real < 0:
            return False
        U, V, args.columns = axis(grad, 0), axis(param, 0), axis(param, 1)
        args.count = len(arrays)
        args.step.arrays[FIRST] = args.step.arrays[SECOND] = as_vector(param)  # where there are fewer
        for k in range(args.count):
            args.step.arrays[k].data, args.step.arrays[k].size = data(arrays[k]), args.columns
        space = take(U * sizeof(int64_t))
        ids = <int64_t *>space.start
        flat = plain_ids(rows)
        memcpy(ids, data(flat), U * sizeof(int64_t))
        for k in range(U):
            if ids[k] <= last or ids[k] >= V:
                return False
            last = ids[k]
        args.rows, args.row_bytes = ids, args.columns * (8 if real else 4)
        args.run = entry(self.kernels, f"optim.{self.name}", real)
        share_gil(_step_rows, &args, U, 1, U * (NS_A_ROW + args.columns * self.ns))
        return True

    cdef int run(self, tuple arrays, tuple scalars) except -1:
        """The same with arrays made fit; what had to be copied is written back."""
        if self.run_if_fit(arrays, scalars):
            return 0
        param, grad, *states = arrays
        dtype = _check.floats("param", _check.own("param", param)).dtype
        grad = _check.floats("grad", grad, dtype=dtype)
        shape = np.shape(param)
        _check.shape("grad", grad, shape, "like param")
        others = {"grad": grad}
        for name, array in zip((*self.states, "param"), (*states, param), strict=True):
            _check.output(name, array, shape, dtype, others)
            others[name] = array
        views = [np.asarray(array) for array in (param, grad, *states)]
        if param.flags.f_contiguous:  # a tied weight's transposed view: not copied
            views = [view.T for view in views]
        plain = [_check.plain(view) for view in views]
        self.run_if_fit(tuple(plain), scalars)
        for view, array in zip(views, plain, strict=True):
            if array is not plain[1] and not np.may_share_memory(view, array):
                view[...] = array
        return 0

    def documents(self, function):
        """Complete the docstring of the op."""
        states, scalars = ", ".join(self.states), ", ".join(self.scalars)
        kind = "ndarray of param's dtype and shape"
        function.__doc__ = f"{inspect.cleandoc(function.__doc__)}\n\n``{self.formula}``\n\n" + _DOC.format(
            states=f"{states} : {kind}\n    Changed in place.\n" if states else "", scalars=scalars
        )
        return function


_DOC = """Parameters
----------
param : ndarray of float32 or float64, any shape and layout
    Changed in place.
grad : ndarray of param's dtype and shape
{states}{scalars} : float

Returns
-------
param : ndarray

Raises
------
TypeError, ValueError
    If a dtype or a shape does not fit, or arrays overlap."""

cdef Step SGD = Step("sgd", "param -= lr * grad", "", "lr", NS_A_STEP)
cdef Step MOMENTUM = Step(
    "momentum", "v = rate * v - lr * grad; param += v", "v", "lr rate", NS_A_STEP
)
cdef Step NESTEROV = Step(
    "nesterov",
    "v = rate * v - lr * grad; param += rate**2 * v - (1 + rate) * lr * grad",
    "v", "lr rate", NS_A_STEP,
)
cdef Step ADAGRAD = Step(
    "adagrad",
    "h += grad**2; param -= lr * grad / (sqrt(h) + 1e-7)",
    "h", "lr", NS_A_STEP_WITH_ROOT,
)
cdef Step RMSPROP = Step(
    "rmsprop",
    "h = decay_rate * h + (1 - decay_rate) * grad**2; param -= lr * grad / (sqrt(h) + 1e-7)",
    "h", "lr decay_rate", NS_A_STEP_WITH_ROOT,
)
cdef Step ADAM = Step(
    "adam",
    "m += (1 - beta1) * (grad - m); v += (1 - beta2) * (grad**2 - v); "
    "param -= lr_t * m / (sqrt(v) + 1e-7)",
    "m v", "lr_t beta1 beta2", NS_A_STEP_WITH_ROOT,
)
_STEPS = {step.name: step for step in (SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM)}


@SGD.documents
def sgd(param, grad, lr):
    """A step of gradient descent, in place."""
    SGD.run((param, grad), (lr,))
    return param


@MOMENTUM.documents
def momentum(param, grad, v, lr, rate):
    """A step with momentum, in place."""
    MOMENTUM.run((param, grad, v), (lr, rate))
    return param


@NESTEROV.documents
def nesterov(param, grad, v, lr, rate):
    """A step of Nesterov's accelerated gradient, in place.

    As in Y. Bengio et al., Advances in Optimizing Recurrent Networks, 2012.
    """
    NESTEROV.run((param, grad, v), (lr, rate))
    return param


@ADAGRAD.documents
def adagrad(param, grad, h, lr):
    """A step of AdaGrad (J. Duchi et al., 2011), in place."""
    ADAGRAD.run((param, grad, h), (lr,))
    return param


@RMSPROP.documents
def rmsprop(param, grad, h, lr, decay_rate):
    """A step of RMSprop, in place."""
    RMSPROP.run((param, grad, h), (lr, decay_rate))
    return param


@ADAM.documents
def adam(param, grad, m, v, lr_t, beta1, beta2):
    """A step of Adam (D. Kingma and J. Ba, 2014, arXiv:1412.6980), in place.

    lr_t is the rate with the bias correction of step t, ``lr * sqrt(1 - beta2**t) / (1 - beta1**t)``.
    """
    ADAM.run((param, grad, m, v), (lr_t, beta1, beta2))
    return param


def global_norm(arrays):
    """Euclidean norm of all arrays taken as one vector.

    Sums are in float64, in an order that does not depend on the number of threads.

    Parameters
    ----------
    arrays : iterable of ndarrays of float32 or float64, any shapes

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If a dtype does not fit.
    """
    cdef double total = 0
    for k, array in enumerate(_check.several("arrays", arrays)):
        if _real_of_flat(array) < 0:
            array = _check.plain(_check.floats(f"arrays[{k}]", array))
        total += _squares(array)
    return sqrt(total)


def scale(arrays, rate):
    """Multiply every array by rate, in place.

    Parameters
    ----------
    arrays : iterable of ndarrays of float32 or float64
        Changed in place.
    rate : float

    Raises
    ------
    TypeError, ValueError
        If an array is not a writable ndarray of float32 or float64; nothing is changed then.
    """
    arrays = _check.several("arrays", arrays)
    rate = number("rate", rate)
    for k, array in enumerate(arrays):
        if _real_of_flat(array) < 0 or not writable(array):
            dtype = _check.floats(f"arrays[{k}]", array).dtype
            _check.output(f"arrays[{k}]", array, np.shape(array), dtype, {})
    for array in arrays:
        if _real_of_flat(array) < 0:
            np.multiply(array, array.dtype.type(rate), out=array)
        else:
            _multiply(array, rate)


# ---- lists of arrays


cpdef bint step_all_if_fit(str name, tuple lists, tuple scalars) except -1:
    """Step every param in the order of the lists (params, grads, states), as the op of that name does.

    False, and nothing is done, if the lists differ in length or an array does not fit as it is.
    """
    cdef Step step = _STEPS[name]
    cdef Memory space
    cdef step_args *args
    cdef Py_ssize_t k
    for arrays in lists:
        if type(arrays) is not list or len(<list>arrays) != len(<list>lists[0]):
            return False
    steps = list(zip(*lists))  # which nobody shortens meanwhile
    space = take(len(steps) * (sizeof(step_args) + sizeof(int)))
    args = <step_args *>space.start
    reals = <int *>(args + len(steps))
    for k in range(len(steps)):
        reals[k] = step.read(steps[k], scalars, &args[k])
        if reals[k] < 0:
            return False
    for k in range(len(steps)):
        step.step(&args[k], reals[k])
    return True


cpdef bint step_rows_if_fit(str name, tuple arrays, rows, tuple scalars) except -1:
    """Step some rows of param and states, where arrays are (param, grad of those rows, states).

    Rows ascend and lie in [0, V). False, and nothing is done, if something does not fit.
    """
    cdef Step step = _STEPS[name]
    return step.run_rows_if_fit(arrays, rows, scalars)


cpdef double adam_rate(lr, beta1, beta2, int64_t step) except? -1:
    """``lr * sqrt(1 - beta2**step) / (1 - beta1**step)``, what adam takes as lr_t."""
    cdef double first = number("beta1", beta1), second = number("beta2", beta2)
    return number("lr", lr) * sqrt(1 - second**step) / (1 - first**step)


cpdef bint clip_if_fit(arrays, max_norm) except -1:
    """Scale arrays so that their common norm is at most max_norm; False, and nothing is done, if
    one does not fit as it is."""
    cdef double total = 0, most = number("max_norm", max_norm), rate
    if not most >= 0:
        raise ValueError(f"max_norm must be at least 0, got {max_norm!r}")
    for array in arrays:
        if _real_of_flat(array) < 0 or not writable(array):
            return False
    for array in arrays:
        total += _squares(array)
    rate = most / (sqrt(total) + 1e-6)
    if rate < 1:
        for array in arrays:
            _multiply(array, rate)
    return True


cpdef bint add_if_fit(total, list arrays) except -1:
    """``total += arrays[0]; total += arrays[1]; …`` in one pass over total, with the same bits.

    False, and nothing is done, if an array does not fit as it is.
    """
    cdef int real = _real_of_flat(total)
    cdef sum_args args
    cdef Memory space
    cdef int64_t n, k
    if real < 0 or not writable(total):
        return False
    for array in arrays:
        if not _flat_like(array, total, real) or not apart(array, total):
            return False
    space = take(len(arrays) * sizeof(add_args))
    args.terms, args.count = <add_args *>space.start, len(arrays)
    args.add = entry(add_entry, "optim.add", real)
    n = size(total)
    for k in range(args.count):
        args.terms[k].x, args.terms[k].total = as_vector(arrays[k]), as_vector(total)
    share_gil(_add_in_blocks, &args, n, LINE, n * args.count * NS_A_PLUS)
    return True


cpdef int zero_all(arrays) except -1:
    """Set every array to zero."""
    cdef int64_t nbytes
    for array in arrays:
        if _real_of_flat(array) < 0 or not writable(array):
            array[...] = 0
            continue
        nbytes = cnp.PyArray_NBYTES(<cnp.ndarray>array)
        share_gil(_zero, data(array), nbytes, LINE_BYTES, nbytes * NS_A_BYTE_ZEROED)
    return 0


cdef void _step_rows(const void *arguments, int64_t lo, int64_t hi, int64_t member) noexcept nogil:
    """The kernel of all entries, for one row after the other."""
    cdef const rows_args *args = <const rows_args *>arguments
    cdef step_args one = args.step
    cdef int64_t k, place, step = args.row_bytes
    for k in range(lo, hi):
        if k + AHEAD < hi:
            place = args.rows[k + AHEAD] * step
            _fetch(<const char *>args.step.arrays[PARAM].data + place, step)
            if args.count > FIRST:
                _fetch(<const char *>args.step.arrays[FIRST].data + place, step)
            if args.count > SECOND:
                _fetch(<const char *>args.step.arrays[SECOND].data + place, step)
        place = args.rows[k] * step
        one.arrays[PARAM].data = <char *>args.step.arrays[PARAM].data + place
        one.arrays[GRAD].data = <char *>args.step.arrays[GRAD].data + k * step
        one.arrays[FIRST].data = <char *>args.step.arrays[FIRST].data + place
        one.arrays[SECOND].data = <char *>args.step.arrays[SECOND].data + place
        args.run(&one, 0, args.columns, member)


cdef inline void _fetch(const char *row, int64_t nbytes) noexcept nogil:
    """Have a row's first lines on their way."""
    cdef int64_t line = 0
    while line < nbytes and line < FETCHED:
        FETCH(row + line)
        line += LINE_BYTES


cdef void _zero(const void *bytes, int64_t lo, int64_t hi, int64_t member) noexcept nogil:
    memset(<char *>bytes + lo, 0, hi - lo)


# ---- arrays as one run of memory


cdef int _real_of_flat(x) noexcept:
    """0 for float32, 1 for float64, -1 if x has another dtype or does not lie in one piece."""
    cdef int real = real_in_any_layout(x)
    if real < 0 or cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>x):
        return real
    return real if cnp.PyArray_IS_F_CONTIGUOUS(<cnp.ndarray>x) else -1


cdef bint _flat_like(x, y, int real) noexcept:
    """Whether x is flat, of that dtype, and its entries lie in the order of those of y, which is."""
    cdef int ndim = cnp.PyArray_NDIM(<cnp.ndarray>y)
    if x is y:
        return True
    if _real_of_flat(x) != real or cnp.PyArray_NDIM(<cnp.ndarray>x) != ndim:
        return False
    if not same_shape(x, y, ndim):
        return False
    if cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>x) and cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>y):
        return True
    return (
        cnp.PyArray_IS_F_CONTIGUOUS(<cnp.ndarray>x) and cnp.PyArray_IS_F_CONTIGUOUS(<cnp.ndarray>y)
    )


cdef double _squares(x) except? -1:
    """The sum of squares of an array that is flat: chunks by themselves, then the chunks."""
    cdef squares_args args
    cdef int64_t chunks
    cdef Memory sums
    args.x, args.chunk = as_vector(x), CHUNK
    chunks = (args.x.size + CHUNK - 1) // CHUNK
    sums = take(chunks * sizeof(double))
    args.sums.data, args.sums.size = sums.start, chunks
    run = entry(squares_entry, "optim.sum_squares", _real_of_flat(x))
    share_gil(run, &args, chunks, 1, args.x.size * NS_A_SQUARE)
    return sum_of(<double *>sums.start, chunks)


cdef int _multiply(x, double rate) except -1:
    """x *= rate for an array that is flat."""
    cdef scale_args args
    args.x, args.rate = as_vector(x), rate
    run = entry(scale_entry, "optim.scale", _real_of_flat(x))
    share_gil(run, &args, args.x.size, LINE, args.x.size * NS_A_PLUS)
    return 0


cdef void _add_in_blocks(const void *args, int64_t lo, int64_t hi, int64_t member) noexcept nogil:
    cdef const sum_args *sums = <const sum_args *>args
    cdef int64_t end, k
    while lo < hi:
        end = lo + BLOCK if lo + BLOCK < hi else hi
        for k in range(sums.count):
            sums.add(&sums.terms[k], lo, end, member)
        lo = end
