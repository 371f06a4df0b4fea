"""Every op in plain NumPy: the oracle of the tests and the baseline of the benchmarks."""

from fastembed.reference.ops import *  # noqa: F403
from fastembed.reference.recurrent import *  # noqa: F403
