"""Public functions on NumPy arrays: check, allocate, call a kernel, return."""

from fastembed._lazy import attach

_NAMES = {
    "gather": "embedding",
    "scatter_add": "embedding",
    "coalesce": "sparse",
    "embedding_bag": "bags",
    "embedding_bag_backward": "bags",
    "segment_sum": "bags",
    "matmul": "dense",
    "affine": "dense",
    "affine_backward": "dense",
    "softmax": "loss",
    "softmax_backward": "loss",
    "softmax_cross_entropy": "loss",
    "sigmoid_cross_entropy": "loss",
    "linear_cross_entropy": "loss",
    "negative_sampling_loss": "negative_sampling",
    "negative_sampling_backward": "negative_sampling",
    "negative_samples": "negative_sampling",
    "alias_table": "word2vec",
    "train_word2vec": "word2vec",
    "sgd": "optim",
    "momentum": "optim",
    "nesterov": "optim",
    "adagrad": "optim",
    "rmsprop": "optim",
    "adam": "optim",
    "global_norm": "optim",
    "scale": "optim",
    "time_attention": "attention",
    "time_attention_backward": "attention",
    "attention_weight": "attention",
    "attention_weight_backward": "attention",
    "weight_sum": "attention",
    "weight_sum_backward": "attention",
}
_CELLS = ("gru", "gru_reset_after", "lstm", "rnn")
for _end in ("", "_backward", "_cell", "_cell_backward"):
    _NAMES |= dict.fromkeys((cell + _end for cell in _CELLS), "recurrent")

__getattr__, __dir__, __all__ = attach(__name__, [], _NAMES)
