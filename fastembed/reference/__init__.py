"""Every op in plain NumPy: the oracle of the tests and the baseline of the benchmarks."""

from fastembed.reference.embedding import gather, scatter_add  # noqa: F401
