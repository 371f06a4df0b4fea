"""Chooses the instruction set of the recurrent kernels, once, when imported."""

import os

cimport numpy as cnp

cnp.import_array()


cdef extern from "variants.h":
    const variant *variants[]
    int variant_runs(const variant *) noexcept nogil


def available():
    """Names of the instruction sets that this build has and this CPU runs, the fastest first."""
    names = []
    cdef int k = 0
    while variants[k] != NULL:
        if variant_runs(variants[k]):
            names.append(variants[k].name.decode())
        k += 1
    return names


cdef choose():
    global chosen
    wanted = os.environ.get("FASTEMBED_ISA", "").strip()
    cdef int k = 0
    if wanted not in ("", "baseline", "avx2", "avx512"):
        raise ValueError(f"FASTEMBED_ISA must be baseline, avx2 or avx512, got {wanted!r}")
    chosen = NULL
    while variants[k] != NULL:
        if variant_runs(variants[k]) and wanted in ("", variants[k].name.decode()):
            chosen = variants[k]
            return
        k += 1
    if wanted:
        can = ", ".join(available()) or "none of them"
        raise ValueError(f"FASTEMBED_ISA={wanted} does not run on this computer, which can: {can}")


choose()


def isa():
    """The instruction set in use: 'avx512', 'avx2', 'baseline' (SSE2, NEON), or 'none'."""
    return "none" if chosen == NULL else chosen.name.decode()


def apply(name, cnp.ndarray x, cnp.ndarray y):
    """y = sigmoid or tanh of x as the kernels compute it; whole vectors only, for the tests."""
    cdef const kernel_table *table = &chosen.of[cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT64]
    table.apply(name == "tanh", cnp.PyArray_DATA(x), cnp.PyArray_DATA(y), cnp.PyArray_SIZE(x))
