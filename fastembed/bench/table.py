"""What is measured: named cells, and cells whose sizes are drawn, part by part.

``python -m fastembed bench`` and ``python -m benchmarks`` read this table.
"""

from dataclasses import dataclass, field

from fastembed.bench.cases import LAYER_OPS, Case, case, drawn

SEED = 1
CEILINGS = [
    Case("ceiling", {"copy": 1 << 25}),
    Case("ceiling", {"fill": 1 << 25}),
    Case("ceiling", {"sgemm": 2048}),
]
LOOKUPS = [
    {"V": 10_000, "D": 100, "n": 700},
    {"V": 30_000, "D": 768, "n": 16_384},
    {"V": 100_000, "D": 300, "n": 8_192},
    {"V": 1_000_000, "D": 64, "n": 65_536},
]
SMALL_LOOKUPS = [
    {"V": 1000, "D": 16, "n": 1},
    {"V": 1000, "D": 16, "n": 100},
    {"V": 1000, "D": 100, "n": 700},
    {"V": 1000, "D": 100, "n": 4000},
    {"V": 10_000, "D": 650, "n": 700},
    {"V": 30_000, "D": 768, "n": 2048},
]
SMALL_SCATTERS = [
    {"V": 10_000, "D": 100, "n": 128},
    {"V": 10_000, "D": 650, "n": 700},
]
LSTMS = [
    {"N": 20, "T": 35, "D": 100, "H": 100},
    {"N": 20, "T": 35, "D": 650, "H": 650},
    {"N": 1, "T": 100, "D": 128, "H": 128},
    {"N": 64, "T": 50, "D": 256, "H": 256},
    {"N": 32, "T": 28, "D": 512, "H": 1024},
    {"N": 1, "T": 1, "D": 100, "H": 100},
]
LAYERS = [
    case("TimeEmbedding fwd+bwd", V=10_000, D=100, N=20, T=35),
    case("TimeEmbedding fwd+bwd", V=10_000, D=650, N=20, T=35),
    case("TimeEmbedding fwd+bwd", V=100_000, D=300, N=20, T=35),
    case("TimeSoftmaxWithLoss fwd+bwd", V=10_000, N=20, T=35),
    case("Embedding fwd+bwd", N=1, V=10, H=5),
    case("MatMul fwd+bwd", N=10, D=100, H=100),
    case("Affine fwd+bwd", N=10, D=100, H=100),
    case("TimeAffine fwd+bwd", N=10, T=5, D=100, H=100),
]
STEPS = [
    case("Rnnlm step", V=10_000, D=100, H=100, N=20, T=35),
    case("BetterRnnlm step", V=10_000, D=650, H=650, N=20, T=35),
    case("CBOW step", V=10_000, H=100, N=100, window=5),
    case("SkipGram step", V=10_000, H=100, N=100, window=5),
    case("Seq2seq step", V=13, D=16, H=128, N=128, Te=7, T=4),
    case("PeekySeq2seq step", V=13, D=16, H=128, N=128, Te=7, T=4),
    case("AttentionSeq2seq step", V=59, D=16, H=256, N=128, Te=29, T=10),
]
DOUBLE = [
    case("gather out", dtype="float64", V=30_000, D=768, n=16_384),
    case("scatter_add zero", dtype="float64", V=30_000, D=768, n=16_384),
    case("lstm fwd+bwd", dtype="float64", N=20, T=35, D=100, H=100),
    case("lstm fwd+bwd", dtype="float64", N=64, T=50, D=256, H=256),
    case("softmax_cross_entropy", dtype="float64", n=700, V=10_000),
    case("adam", dtype="float64", n=1_000_000),
]
THREADS = [
    case("gather out", V=30_000, D=768, n=16_384),
    case("scatter_add zero", V=30_000, D=768, n=16_384),
    case("lstm fwd+bwd", N=64, T=50, D=256, H=256),
    case("softmax_cross_entropy", n=700, V=10_000),
    STEPS[0],
]


@dataclass(frozen=True)
class Part:
    """Cells that belong together.

    Attributes
    ----------
    cells : list of Case
        Named cells: the same in every run.
    drawn : dict
        Op -> how many of its cells are drawn at random.
    budget : float
        Seconds of timing a case, about.
    detail : bool
        Whether contenders tell where the time goes.
    extra : bool
        Whether shorter runs leave the part out.
    """

    cells: list = field(default_factory=list)
    drawn: dict = field(default_factory=dict)
    budget: float = 1.5
    detail: bool = False
    extra: bool = False


PARTS = {
    "gather": Part(
        [
            *(case("gather out", ids, **s) for s in LOOKUPS for ids in ("uniform", "zipf", "hot")),
            *(case("gather", "uniform", **s) for s in SMALL_LOOKUPS),
        ],
        {"gather": 60, "gather out": 60},
    ),
    "scatter": Part(
        [
            case("scatter_add zero", ids, **s)
            for some, distributions in (
                (LOOKUPS, ("uniform", "zipf", "hot")),
                (SMALL_SCATTERS, ("zipf",)),
            )
            for s in some
            for ids in distributions
        ],
        {"scatter_add": 60, "scatter_add zero": 60},
    ),
    "recurrent": Part(
        [
            *(case(f"lstm {part}", **s) for s in LSTMS for part in ("fwd", "fwd+bwd")),
            *(case(f"{cell} fwd", **LSTMS[k]) for cell in ("gru", "rnn") for k in (0, 3, 5)),
            case("gru fwd+bwd", **LSTMS[0]),
            case("gru fwd+bwd", **LSTMS[3]),
            case("rnn fwd+bwd", **LSTMS[0]),
        ],
        {"lstm fwd": 30, "lstm fwd+bwd": 30, "gru fwd": 15, "rnn fwd": 15},
    ),
    "layers": Part(LAYERS, dict.fromkeys(LAYER_OPS, 4)),
    "steps": Part(STEPS, budget=3.0, detail=True),
    "ops": Part(
        [
            case("softmax_cross_entropy", n=700, V=10_000),
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
    ),
    "float64": Part(DOUBLE, extra=True),
    "threads": Part(THREADS, extra=True),
}

# what both commands measure with --quick, besides a few drawn cells; what matters most comes first
QUICK = [
    case("gather out", V=30_000, D=768, n=16_384),
    case("scatter_add zero", V=100_000, D=300, n=8_192),
    case("lstm fwd", **LSTMS[0]),
    case("lstm fwd+bwd", **LSTMS[0]),
    case("softmax_cross_entropy", n=700, V=10_000),
    LAYERS[0],
    case("lstm fwd", **LSTMS[-1]),
    STEPS[0],
]


@dataclass(frozen=True)
class Section:
    """Cells of a part, named or drawn, that are measured alike."""

    title: str
    cases: list
    drawn: bool
    budget: float
    detail: bool


def sections(quick=False, only=None, count=None, seed=SEED, fewer=1):
    """The sections to be measured.

    Parameters
    ----------
    quick : bool
        Only those named cells that are in `QUICK`.
    only : str, optional
        Names, separated by commas: of parts, or else parts of cases' names.
    count : int, optional
        How many cells are drawn of each op, if not what the table says.
    seed : int
        Of the drawn sizes.
    fewer : int
        What the table's numbers of drawn cells are divided by: more than 1 in a shorter run.
    """
    found = []
    for name, part in PARTS.items():
        if part.extra and fewer > 1:
            continue
        named = [one for one in part.cells if not quick or one in QUICK]
        random = [
            one
            for op, usual in part.drawn.items()
            for one in drawn(op, usual // fewer if count is None else count, seed)
        ]
        for title, cases, is_drawn in ((name, named, False), (f"{name}, drawn", random, True)):
            cases = [one for one in cases if wanted(only, name, one.name)]
            if cases:
                budget = part.budget * (0.3 if quick else 0.6 if is_drawn else 1)
                found.append(Section(title, cases, is_drawn, budget, part.detail))
    return found


def wanted(only, part, name=""):
    """Whether ``only`` names the part, or else something of the case's name."""
    words = [] if only is None else [word.strip().lower() for word in only.split(",")]
    return only is None or any(
        word == part or (word not in PARTS and word in name.lower()) for word in words if word
    )
