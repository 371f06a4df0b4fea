"""fastembed: Cython/Numba-accelerated layers for NumPy.

The layers have the API of *Deep Learning from Scratch 2* (K. Saitoh); the functions of
``fastembed.ops`` can be called from any NumPy code. Importing this package imports neither Numba
nor SciPy: every name below is loaded when it is first used.
"""

from fastembed._lazy import attach
from fastembed._version import __version__  # noqa: F401

_MODULES = [
    "attention",
    "base_model",
    "dropin",
    "exchange",
    "functions",
    "kernels",
    "layers",
    "models",
    "ops",
    "optimizer",
    "recurrent_layers",
    "reference",
    "sparse",
    "tables",
    "text",
    "threads",
    "time_layers",
    "trainer",
    "util",
    "vectors",
    "word2vec",
]
_NAMES = {
    "Word2Vec": "word2vec",
    "get_num_threads": "threads",
    "set_num_threads": "threads",
    "Embedding": "layers",
    "RowSparse": "sparse",
    "TimeEmbedding": "time_layers",
    "LSTM": "time_layers",
    "TimeLSTM": "time_layers",
    "Rnnlm": "models",
    "RnnlmTrainer": "trainer",
    "load": "base_model",
    "gather": "ops",
    "scatter_add": "ops",
    "lstm": "ops",
    "lstm_backward": "ops",
    "softmax_cross_entropy": "ops",
}

__getattr__, __dir__, __all__ = attach(__name__, _MODULES, _NAMES)


def load_ipython_extension(ipython):
    """``%load_ext fastembed``: accelerate book-style classes in this session."""
    from fastembed import dropin

    dropin.load_ipython_extension(ipython)


def unload_ipython_extension(ipython):
    """``%unload_ext fastembed``: restore every class."""
    from fastembed import dropin

    dropin.unload_ipython_extension(ipython)
