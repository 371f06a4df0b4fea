"""What a case has to do at least, whoever does it.

Bytes that are read and written at the speed of a copy, bytes set to zero, operations of products.
"""

from functools import partial

import numpy as np

from fastembed.bench.cases import spread_lengths


def of(case):
    """Kind of work -> its amount."""
    kinds = {"copied": 0, "filled": 0, "flops": 0}
    tell = WORK.get(case.op)
    return {**kinds, **tell(np.dtype(case.dtype).itemsize, **case.sizes)} if tell else kinds


def _stream(reads_and_writes):
    """Of an op that goes through n or n × V numbers."""
    return lambda itemsize, n, V=1: {"copied": reads_and_writes * n * V * itemsize}


def _rows(itemsize, V, D, n):
    return {"copied": n * (2 * D * itemsize + 8)}


def _gradients(itemsize, V, D, n):  # each is read once; the rows that are added to are in a cache
    return {"copied": n * (D * itemsize + 8)}


def _into_zeros(itemsize, V, D, n):
    return {**_gradients(itemsize, V, D, n), "filled": V * D * itemsize}


def _bags(itemsize, V, D, N, L):
    return {"copied": N * (L * (D * itemsize + 8) + D * itemsize)}


def _recurrent(gates, times, itemsize, N, D, H, T=1):
    return {"flops": 2 * times * N * T * (D + H) * gates * H}


def _shorter(gates, times, itemsize, N, T, D, H):
    steps = int(spread_lengths(N, T).sum())
    return _recurrent(gates, times, itemsize, N=1, T=steps, D=D, H=H)


def _products(times):
    return lambda itemsize, M, K, N: {"flops": 2 * times * M * K * N}


def _attention(itemsize, N, Te, H, T=1):
    # scores, weighted sums, and for each of them two products in backward
    return {"flops": 2 * N * T * Te * H * 6}


# products of a training step's forward; backward has two for each


def _lstm(N, T, D, H):
    return N * T * (D + H) * 4 * H


def _rnnlm(V, D, H, N, T):
    return _lstm(N, T, D, H) + N * T * H * V


def _better_rnnlm(V, D, H, N, T):
    return _rnnlm(V, D, H, N, T) + _lstm(N, T, H, H)


def _seq2seq(V, D, H, N, Te, T):
    return _lstm(N, Te + T, D, H) + N * T * H * V


def _peeky(V, D, H, N, Te, T):
    return _seq2seq(V, D, H, N, Te, T) + N * T * H * (V + 4 * H)


def _attention_seq2seq(V, D, H, N, Te, T):
    return _seq2seq(V, D, H, N, Te, T) + N * T * H * (V + 2 * Te)


def _step(products):
    return lambda itemsize, **sizes: {"flops": 6 * products(**sizes)}


WORK = {
    "gather": _rows,
    "gather out": _rows,
    "scatter_add": _gradients,
    "scatter_add zero": _into_zeros,
    **{f"embedding_bag {mode} fwd": _bags for mode in ("sum", "mean", "max", "weighted")},
    **{
        f"{name} {part}{end}": partial(work, gates, times)
        for name, gates in (("lstm", 4), ("gru", 3), ("gru_reset_after", 3), ("rnn", 1))
        for part, times in (("fwd", 1), ("fwd+bwd", 3))
        for end, work in (("", _recurrent), (" lengths", _shorter))
    },
    "matmul": _products(1),
    "affine_backward": _products(2),
    "softmax_cross_entropy": _stream(2),
    "linear_cross_entropy": lambda itemsize, n, D, V: {"flops": 6 * n * D * V},
    "sgd": _stream(3),
    "adam": _stream(7),
    "global_norm": _stream(2),
    "time_attention fwd+bwd": _attention,
    # W's rows are read, dW's rows filled and added to
    "negative_sampling fwd+bwd": lambda itemsize, n, V, H, k: {
        "copied": 2 * n * (k + 1) * H * itemsize,
        "filled": V * H * itemsize,
    },
    # each gathered row is read and written, each gradient read; rows added to are filled
    "TimeEmbedding fwd+bwd": lambda itemsize, N, T, V, D: {
        "copied": N * T * (3 * D * itemsize + 16),
        "filled": V * D * itemsize,
    },
    "TimeSoftmaxWithLoss fwd+bwd": lambda itemsize, N, T, V: {"copied": 2 * N * T * V * itemsize},
    "Rnnlm step": _step(_rnnlm),
    "BetterRnnlm step": _step(_better_rnnlm),
    "Seq2seq step": _step(_seq2seq),
    "PeekySeq2seq step": _step(_peeky),
    "AttentionSeq2seq step": _step(_attention_seq2seq),
}
