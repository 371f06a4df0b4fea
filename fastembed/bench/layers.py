"""The book's layers, optimizers and functions: what each is made of, fed and asked for."""

import numpy as np

from fastembed.bench import inputs

# sizes from the smallest on, where a call's own cost is all that counts
RANGES = {"N": (1, 64), "T": (1, 32), "D": (5, 128), "H": (5, 128), "V": (10, 1000)}
SMALL = {"N": 3, "T": 4, "D": 7, "H": 6, "V": 11}
RATIO = 0.5  # of dropout


class Draw:
    """Random arrays: ``d(3, 4)`` floats, ``d.ids(V, 3)`` ids of words."""

    def __init__(self, rng, dtype):
        self.rng = rng
        self.dtype = dtype

    def __call__(self, *shape):
        return inputs.floats(self.rng, shape, self.dtype)

    def ids(self, V, *shape):
        return inputs.draw_ids(self.rng, "zipf", V, shape)

    def cell(self, gates, D, H):
        return [self(D, gates * H), self(H, gates * H), self(gates * H)]

    def corpus(self, V):
        return np.concatenate([np.arange(V), self.ids(V, 5 * V)])


# name -> (module, sizes, (d, sizes) -> arguments, inputs of forward, gradients for backward)
LAYERS = {
    "MatMul": ("layers", "NDH", lambda d, N, D, H: ([d(D, H)], [d(N, D)], [d(N, H)])),
    "Affine": ("layers", "NDH", lambda d, N, D, H: ([d(D, H), d(H)], [d(N, D)], [d(N, H)])),
    "Softmax": ("layers", "NV", lambda d, N, V: ([], [d(N, V)], [d(N, V)])),
    "SoftmaxWithLoss": ("layers", "NV", lambda d, N, V: ([], [d(N, V), d.ids(V, N)], [])),
    "Sigmoid": ("layers", "NH", lambda d, N, H: ([], [d(N, H)], [d(N, H)])),
    "SigmoidWithLoss": ("layers", "N", lambda d, N: ([], [d(N), d.ids(2, N)], [])),
    "Dropout": ("layers", "NH", lambda d, N, H: ([RATIO], [d(N, H)], [d(N, H)])),
    "Embedding": ("layers", "NVH", lambda d, N, V, H: ([d(V, H)], [d.ids(V, N)], [d(N, H)])),
    "EmbeddingDot": (
        "layers",
        "NVH",
        lambda d, N, V, H: ([d(V, H)], [d(N, H), d.ids(V, N)], [d(N)]),
    ),
    "NegativeSamplingLoss": (
        "layers",
        "NVH",
        lambda d, N, V, H: ([d(V, H), d.corpus(V)], [d(N, H), d.ids(V, N)], []),
    ),
    "RNN": (
        "time_layers",
        "NDH",
        lambda d, N, D, H: (d.cell(1, D, H), [d(N, D), d(N, H)], [d(N, H)]),
    ),
    "LSTM": (
        "time_layers",
        "NDH",
        lambda d, N, D, H: (d.cell(4, D, H), [d(N, D), d(N, H), d(N, H)], [d(N, H), d(N, H)]),
    ),
    "GRU": (
        "time_layers",
        "NDH",
        lambda d, N, D, H: (d.cell(3, D, H), [d(N, D), d(N, H)], [d(N, H)]),
    ),
    "TimeRNN": (
        "time_layers",
        "NTDH",
        lambda d, N, T, D, H: (d.cell(1, D, H), [d(N, T, D)], [d(N, T, H)]),
    ),
    "TimeLSTM": (
        "time_layers",
        "NTDH",
        lambda d, N, T, D, H: (d.cell(4, D, H), [d(N, T, D)], [d(N, T, H)]),
    ),
    "TimeGRU": (
        "time_layers",
        "NTDH",
        lambda d, N, T, D, H: (d.cell(3, D, H), [d(N, T, D)], [d(N, T, H)]),
    ),
    "TimeBiLSTM": (
        "time_layers",
        "NTDH",
        lambda d, N, T, D, H: (
            [*d.cell(4, D, H), *d.cell(4, D, H)],
            [d(N, T, D)],
            [d(N, T, 2 * H)],
        ),
    ),
    "TimeEmbedding": (
        "time_layers",
        "NTVD",
        lambda d, N, T, V, D: ([d(V, D)], [d.ids(V, N, T)], [d(N, T, D)]),
    ),
    "TimeAffine": (
        "time_layers",
        "NTDH",
        lambda d, N, T, D, H: ([d(D, H), d(H)], [d(N, T, D)], [d(N, T, H)]),
    ),
    "TimeDropout": (
        "time_layers",
        "NTH",
        lambda d, N, T, H: ([RATIO], [d(N, T, H)], [d(N, T, H)]),
    ),
    "TimeSoftmaxWithLoss": (
        "time_layers",
        "NTV",
        lambda d, N, T, V: ([], [d(N, T, V), d.ids(V, N, T)], []),
    ),
    "TimeSigmoidWithLoss": (
        "time_layers",
        "NT",
        lambda d, N, T: ([], [d(N, T), d.ids(2, N, T)], []),
    ),
    "Simple_TimeSoftmaxWithLoss": (
        "time_layers",
        "NTV",
        lambda d, N, T, V: ([], [d(N, T, V), d.ids(V, N, T)], []),
    ),
    "Simple_TimeAffine": (
        "time_layers",
        "NTDH",
        lambda d, N, T, D, H: ([d(D, H), d(H)], [d(N, T, D)], [d(N, T, H)]),
    ),
    "WeightSum": (
        "attention",
        "NTH",
        lambda d, N, T, H: ([], [d(N, T, H), d(N, T)], [d(N, H)]),
    ),
    "AttentionWeight": (
        "attention",
        "NTH",
        lambda d, N, T, H: ([], [d(N, T, H), d(N, H)], [d(N, T)]),
    ),
    "Attention": (
        "attention",
        "NTH",
        lambda d, N, T, H: ([], [d(N, T, H), d(N, H)], [d(N, H)]),
    ),
    "TimeAttention": (
        "attention",
        "NTH",
        lambda d, N, T, H: ([], [d(N, T, H), d(N, T + 1, H)], [d(N, T + 1, H)]),
    ),
}
OPTIMIZERS = ("SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam")
# name -> (sizes, (d, sizes) -> arguments)
FUNCTIONS = {
    "sigmoid": ("NH", lambda d, N, H: [d(N, H)]),
    "relu": ("NH", lambda d, N, H: [d(N, H)]),
    "softmax": ("NV", lambda d, N, V: [d(N, V)]),
    "cross_entropy_error": ("NV", lambda d, N, V: [abs(d(N, V)), d.ids(V, N)]),
}


def draw(parts):
    """``draw(rng, sizes, ids, dtype)`` of an op whose parts are ``parts(d, **sizes)``."""
    return lambda rng, s, ids, dtype: {"parts": parts(Draw(rng, dtype), **s)}


def layer(name):
    """One forward and one backward."""

    def make(m, x):
        arguments, arrays, gradients = x["parts"]
        np.random.seed(0)  # dropout and negative samples draw from the legacy stream
        layer = getattr(m, name)(*arguments)
        forward, backward = layer.forward, layer.backward
        grads = getattr(layer, "grads", None)

        def run():
            return forward(*arrays), backward(*gradients), grads

        return run

    return make


def weights(d, D, H):
    """Two lists of arrays, weights and their gradients: those of an LSTM."""
    params, grads = d.cell(4, D, H), d.cell(4, D, H)
    return params, [abs(grad) for grad in grads]


def optimizer(name):
    """One update of a few weights."""

    def make(m, x):
        params, grads = x["parts"]
        update = getattr(m, name)().update

        def run():
            update(params, grads)
            return params

        return run

    return make


def clip_grads(m, x):
    # soon the gradients are 0, at the same speed; with a larger norm they would not be scaled again
    _, grads = x["parts"]
    clip = m.clip_grads

    def run():
        clip(grads, 1e-12)
        return grads

    return run


def function(name):
    def make(m, x):
        arguments, call = x["parts"], getattr(m, name)
        return lambda: call(*arguments)

    return make
