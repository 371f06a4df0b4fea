"""Random inputs of the cases: equal in every process for equal seeds."""

import numpy as np


def draw_ids(rng, distribution, V, shape):
    """Random ids in [0, V).

    uniform : every id alike; zipf : the k-th most frequent id has a share of 1/k, frequent ids
    anywhere in W; hot : half of all are one id; constant : all are the same id.
    """
    if distribution == "uniform":
        return rng.integers(0, V, shape)
    if distribution == "zipf":
        shares = np.cumsum(1 / np.arange(1, V + 1))
        ranks = np.searchsorted(shares, rng.random(shape) * shares[-1])
        return rng.permutation(V)[np.minimum(ranks, V - 1)]
    if distribution == "hot":
        return np.where(rng.random(shape) < 0.5, V // 2, rng.integers(0, V, shape))
    if distribution == "constant":
        return np.full(shape, V // 2)
    raise ValueError(f"ids must be uniform, zipf, hot or constant, got {distribution!r}")


def floats(rng, shape, dtype, width=1.0):
    """Uniform numbers in (-width, width): quick to draw, never denormal for long."""
    return (rng.random(shape, dtype) * 2 - 1) * dtype.type(width)


def gather(rng, s, ids, dtype):
    return {
        "W": floats(rng, (s["V"], s["D"]), dtype),
        "idx": draw_ids(rng, ids, s["V"], s["n"]),
        "out": np.empty((s["n"], s["D"]), dtype),
    }


def scatter(rng, s, ids, dtype):
    return {
        "dW": floats(rng, (s["V"], s["D"]), dtype),
        "idx": draw_ids(rng, ids, s["V"], s["n"]),
        "dout": floats(rng, (s["n"], s["D"]), dtype),
    }


def recurrent(gates, states):
    def draw(rng, s, ids, dtype):
        N, T, D, H = s["N"], s.get("T", 1), s["D"], s["H"]
        scale = 1 / np.sqrt(H)
        x = {
            "xs": floats(rng, (N, T, D), dtype),
            "Wx": floats(rng, (D, gates * H), dtype, scale),
            "Wh": floats(rng, (H, gates * H), dtype, scale),
            "b": floats(rng, gates * H, dtype, scale),
            "dhs": floats(rng, (N, T, H), dtype),
            "dc": floats(rng, (N, H), dtype),
            "states": [floats(rng, (N, H), dtype) for _ in range(states)],
        }
        return x

    return draw


def matmul(rng, s, ids, dtype):
    M, K, N = s["M"], s["K"], s["N"]
    return {
        "a": floats(rng, (M, K), dtype),
        "b": floats(rng, (K, N), dtype),
        "bias": floats(rng, N, dtype),
        "dout": floats(rng, (M, N), dtype),
        "out": np.empty((M, N), dtype),
    }


def scores(rng, s, ids, dtype):
    return {
        "scores": floats(rng, (s["n"], s["V"]), dtype, 5),
        "labels": draw_ids(rng, ids, s["V"], s["n"]) if ids else None,
        "dout": floats(rng, (s["n"], s["V"]), dtype),
    }


def linear(rng, s, ids, dtype):
    return {
        "x": floats(rng, (s["n"], s["D"]), dtype),
        "W": floats(rng, (s["D"], s["V"]), dtype),
        "b": floats(rng, s["V"], dtype),
        "labels": draw_ids(rng, ids, s["V"], s["n"]) if ids else None,
    }


def sigmoid(rng, s, ids, dtype):
    return {
        "scores": floats(rng, s["n"], dtype, 5),
        "labels": rng.integers(0, 2, s["n"]),
    }


def optimizer(rng, s, ids, dtype):
    names = ("param", "grad", "m", "v")
    x = {name: floats(rng, s["n"], dtype) for name in names}
    x["v"] = abs(x["v"])  # a mean of squares
    return x


def attention(rng, s, ids, dtype):
    N, T, Te, H = s["N"], s["T"], s["Te"], s["H"]
    weights = abs(floats(rng, (N, T, Te), dtype))
    return {
        "hs_enc": floats(rng, (N, Te, H), dtype),
        "hs_dec": floats(rng, (N, T, H), dtype),
        "dout": floats(rng, (N, T, H), dtype),
        "weights": weights / weights.sum(axis=2, keepdims=True),
        "da": floats(rng, (N, T, Te), dtype),
    }


def negative(rng, s, ids, dtype):
    n, V, H, k = s["n"], s["V"], s["H"], s["k"]
    shares = rng.random(V) + 0.1
    return {
        "h": floats(rng, (n, H), dtype),
        "W": floats(rng, (V, H), dtype),
        "targets": draw_ids(rng, ids, V, (n, k + 1)),
        "labels": np.arange(k + 1) == 0,
        "dW": floats(rng, (V, H), dtype),
        "shares": shares,
        "cdf": np.cumsum(shares / shares.sum()),
        "uniforms": rng.random((n, k)),
    }
