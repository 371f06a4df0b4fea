"""The hand-written kernels: recurrent cells over whole sequences, and products of matrices.

They are compiled for each instruction set (see simd.h); which is used is chosen once, when this is
imported.
"""

import os

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

cnp.import_array()


cdef extern from "simd.h":
    const instruction_set *instruction_sets[]
    const char *cell_names[]
    int runs_here(const instruction_set *) noexcept nogil


def available():
    """Names of the instruction sets that this build has and this CPU runs, the fastest first."""
    names = []
    cdef int k = 0
    while instruction_sets[k] != NULL:
        if runs_here(instruction_sets[k]):
            names.append(instruction_sets[k].name.decode())
        k += 1
    return names


def choice(wanted, names):
    """Which of the instruction sets that run here is used: the one wanted, or the first."""
    if wanted not in ("", "baseline", "avx2", "avx512"):
        raise ValueError(f"FASTEMBED_ISA must be baseline, avx2 or avx512, got {wanted!r}")
    if wanted not in ("", *names):
        raise ValueError(
            f"FASTEMBED_ISA={wanted} does not run on this computer, which can: {', '.join(names)}"
        )
    return wanted or names[0]


cdef choose():
    global chosen
    name = choice(os.environ.get("FASTEMBED_ISA", "").strip(), available())
    cdef int k = 0
    while instruction_sets[k].name.decode() != name:
        k += 1
    chosen = instruction_sets[k]


choose()


def isa():
    """The instruction set in use: 'avx512', 'avx2' or 'baseline' (SSE2, NEON)."""
    return chosen.name.decode()


cdef int cell_number(str name) except -1:
    cdef int k = 0
    while cell_names[k] != name.encode():
        k += 1
    return k


cdef inline const kernel_table *table_of(cnp.ndarray x) noexcept:
    return &chosen.of[cnp.PyArray_TYPE(x) != cnp.NPY_FLOAT32]


def apply(name, cnp.ndarray x, cnp.ndarray y):
    """y = sigmoid or tanh of x as the kernels compute it, for the tests."""
    cdef const kernel_table *table = table_of(x)
    table.apply(name == "tanh", x.data, y.data, x.size)


def multiply(
    cnp.ndarray a, cnp.ndarray b, bias, bint add, cnp.ndarray out, bint along_rows, slices,
):
    """out = a b + bias, or out += a b; in slices, which change no bits: for the tests.

    a       (M, K)          any strides                             IN
    b       (K, N)          any strides                             IN
    bias    (N,) or None    None if add                             IN
    out     (M, N)          rows contiguous                         OUT; INOUT if add
    slices  None, or borders of slices of units as units_of counts them, the first 0
    All of one dtype. Unchecked.
    """
    cdef const kernel_table *table = table_of(a)
    cdef product p
    cdef int64_t lo, hi
    cdef void *scratch
    set_product(&p, a, b, bias, add, out, along_rows)
    if slices is None:
        slices = (0, table.product_units(&p))
    scratch = malloc(table.product_scratch(&p) + 64)
    p.scratch = <void *>((<size_t>scratch + 63) & ~<size_t>63)
    for lo, hi in zip(slices, slices[1:]):
        table.product(&p, lo, hi, 0)
    free(scratch)


def units_of(cnp.ndarray a, cnp.ndarray b, cnp.ndarray out, bint along_rows):
    """How many units multiply can cut rows (or columns) into, and its bytes of scratch."""
    cdef const kernel_table *table = table_of(a)
    cdef product p
    set_product(&p, a, b, None, False, out, along_rows)
    return table.product_units(&p), table.product_scratch(&p)


cdef void set_product(
    product *p, cnp.ndarray a, cnp.ndarray b, bias, bint add, cnp.ndarray out, bint along_rows
):
    cdef Py_ssize_t itemsize = cnp.PyArray_ITEMSIZE(a)
    p.M, p.K, p.N = a.shape[0], a.shape[1], b.shape[1]
    p.a, p.a_row, p.a_col = a.data, a.strides[0] // itemsize, a.strides[1] // itemsize
    p.b, p.b_row, p.b_col = b.data, b.strides[0] // itemsize, b.strides[1] // itemsize
    p.c, p.c_row = out.data, out.strides[0] // itemsize
    p.bias = NULL if bias is None else <void *>cnp.PyArray_DATA(bias)
    p.add, p.along_rows = add, along_rows
