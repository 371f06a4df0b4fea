"""Which cases the whole benchmark measures."""

from fastembed.bench.cases import EMBEDDINGS, GATHERS, LSTMS, QUICK, case
from fastembed.bench.peers import Contender, ceiling, cpus

RNNLM = case("Rnnlm step", V=10_000, D=100, H=100, N=20, T=35)
STEPS = [
    RNNLM,
    case("BetterRnnlm step", V=10_000, D=650, H=650, N=20, T=35),
    case("CBOW step", V=10_000, H=100, N=100, window=5),
    case("SkipGram step", V=10_000, H=100, N=100, window=5),
    case("Seq2seq step", V=13, D=16, H=128, N=128, Te=7, T=4),
    case("AttentionSeq2seq step", V=59, D=16, H=256, N=128, Te=29, T=10),
]
SOFTMAX = case("TimeSoftmaxWithLoss fwd+bwd", V=10_000, N=20, T=35)

TABLE = [
    *(case("gather", ids, **s) for s in GATHERS for ids in ("uniform", "zipf", "hot")),
    *(case("scatter_add", ids, **s) for s in GATHERS for ids in ("uniform", "zipf", "hot")),
    *(case("TimeEmbedding fwd+bwd", **s) for s in EMBEDDINGS),
    *(case(f"lstm {part}", **s) for s in LSTMS for part in ("fwd", "fwd+bwd")),
    SOFTMAX,
    case("softmax_cross_entropy", n=700, V=10_000),
    case("gru fwd+bwd", N=20, T=35, D=100, H=100),
    case("gru fwd+bwd", N=64, T=50, D=256, H=256),
    case("rnn fwd+bwd", N=20, T=35, D=100, H=100),
    case("matmul", M=700, K=100, N=10_000),
    case("affine_backward", M=700, K=100, N=10_000),
    case("linear_cross_entropy", n=700, D=100, V=10_000),
    case("time_attention fwd+bwd", N=128, T=10, Te=29, H=256),
    case("negative_sampling fwd+bwd", n=100, V=10_000, H=100, k=5),
    case("negative_samples", n=100, V=10_000, H=1, k=5),
    case("sgd", n=1_000_000),
    case("adam", n=1_000_000),
    case("global_norm", n=1_000_000),
]
DOUBLE = [
    case("gather", dtype="float64", V=30_000, D=768, n=16_384),
    case("scatter_add", dtype="float64", V=30_000, D=768, n=16_384),
    case("lstm fwd+bwd", dtype="float64", N=20, T=35, D=100, H=100),
    case("lstm fwd+bwd", dtype="float64", N=64, T=50, D=256, H=256),
    case("softmax_cross_entropy", dtype="float64", n=700, V=10_000),
    case("adam", dtype="float64", n=1_000_000),
]


def _along(op, axis, values, **sizes):
    return [case(op, **{**sizes, axis: value}) for value in values]


# title -> (axis, cases)
SCALING = {
    "gather over V": (
        "V",
        _along("gather", "V", (1_000, 10_000, 100_000, 1_000_000), V=0, D=100, n=8_192),
    ),
    "gather over D": ("D", _along("gather", "D", (8, 32, 128, 512), V=30_000, D=0, n=16_384)),
    "scatter_add over V": (
        "V",
        _along("scatter_add", "V", (1_000, 10_000, 100_000, 1_000_000), V=0, D=100, n=8_192),
    ),
    "scatter_add over D": (
        "D",
        _along("scatter_add", "D", (8, 32, 128, 512), V=30_000, D=0, n=16_384),
    ),
    "scatter_add over n": (
        "n",
        _along("scatter_add", "n", (100, 1_000, 10_000, 100_000), V=30_000, D=100, n=0),
    ),
    "lstm fwd+bwd over N": (
        "N",
        _along("lstm fwd+bwd", "N", (1, 4, 16, 64, 128), N=0, T=20, D=128, H=128),
    ),
    "lstm fwd+bwd over T": (
        "T",
        _along("lstm fwd+bwd", "T", (1, 4, 16, 64, 256), N=20, T=0, D=128, H=128),
    ),
    "lstm fwd+bwd over H": (
        "H",
        _along("lstm fwd+bwd", "H", (16, 64, 128, 256, 512), N=20, T=20, D=128, H=0),
    ),
}
THREADS = [
    case("gather", V=30_000, D=768, n=16_384),
    case("scatter_add", V=30_000, D=768, n=16_384),
    case("lstm fwd+bwd", N=64, T=50, D=256, H=256),
    case("softmax_cross_entropy", n=700, V=10_000),
    RNNLM,
]
QUICK_TABLE = [
    *(one for one in QUICK if not one.op.endswith("step")),
    SOFTMAX,
    case("lstm fwd", **LSTMS[-1]),
]
QUICK_STEPS = [RNNLM, *STEPS[2:5]]


def ours(threads=None, name="ours"):
    return Contender(name, "fastembed.bench.peers:Ours", (threads,))


REFERENCE = Contender("reference", "fastembed.bench.peers:Reference")


def contenders():
    """Everyone: the oracle first."""
    return [
        REFERENCE,
        Contender("numpy", "fastembed.bench.peers:Plain"),
        ours(1, "ours-1"),
        ours(),
        Contender("torch", "fastembed.bench.peers:Torch"),
        Contender("thinc", "fastembed.bench.peers:Thinc"),
        ceiling(),
    ]


def scaling_contenders():
    return [one for one in contenders() if one.name in ("reference", "ours", "torch")]


def thread_contenders():
    """Ours at 1, 2, 4 … threads, at all CPUs, and at one more than there are."""
    n, counts = cpus(), {1, cpus(), cpus() + 1}
    counts |= {2**k for k in range(n.bit_length()) if 2**k <= n}
    return [REFERENCE, *(ours(k, f"ours-{k}") for k in sorted(counts))]
