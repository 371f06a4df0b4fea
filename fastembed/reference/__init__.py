"""Every op in plain NumPy: the oracle of the tests and the baseline of the benchmarks."""

from fastembed.reference.ops import *  # noqa: F403
from fastembed.reference.recurrent import *  # noqa: F403
from fastembed.reference.word2vec import alias_table, train_word2vec  # noqa: F401
