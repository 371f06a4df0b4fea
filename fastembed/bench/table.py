"""What is measured, section by section; ``python -m benchmarks`` adds sections to these."""

from dataclasses import dataclass, replace

from fastembed.bench import steps
from fastembed.bench.cases import case

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
SMALL_SCATTERS = [{"V": 10_000, "D": 100, "n": 128}, {"V": 10_000, "D": 650, "n": 700}]
BAGS = [
    {"V": 1000, "D": 16, "N": 1, "L": 5},
    {"V": 10_000, "D": 64, "N": 128, "L": 10},
    {"V": 100_000, "D": 300, "N": 512, "L": 20},
    {"V": 1_000_000, "D": 64, "N": 2048, "L": 32},
]
LSTMS = [
    {"N": 20, "T": 35, "D": 100, "H": 100},
    {"N": 20, "T": 35, "D": 650, "H": 650},
    {"N": 1, "T": 100, "D": 128, "H": 128},
    {"N": 64, "T": 50, "D": 256, "H": 256},
    {"N": 32, "T": 28, "D": 512, "H": 1024},
    {"N": 1, "T": 1, "D": 100, "H": 100},
]
RNNLM = {"V": 10_000, "D": 100, "H": 100, "N": 20, "T": 35}
IDS = ("uniform", "zipf", "hot")


@dataclass(frozen=True)
class Section:
    """Cells that are measured alike."""

    title: str
    cases: list
    quick: tuple = ()  # places of those of a quick run
    budget: float = 1.5  # seconds of timing a case, about
    drawn: bool = False  # their sizes are random


SECTIONS = [
    Section(
        "gather",
        [
            *(case("gather out", ids, **s) for s in LOOKUPS for ids in IDS),
            *(case("gather", "uniform", **s) for s in SMALL_LOOKUPS),
        ],
        quick=(4,),
    ),
    Section(
        "scatter",
        [
            *(case("scatter_add zero", ids, **s) for s in LOOKUPS for ids in IDS),
            *(case("scatter_add zero", **s) for s in SMALL_SCATTERS),
        ],
        quick=(7,),
    ),
    Section(
        "bags",
        [
            case(f"embedding_bag {mode} {part}", **s)
            for s in BAGS
            for mode in ("sum", "max")
            for part in ("fwd", "fwd+bwd")
        ],
        quick=(5,),
    ),
    Section(
        "recurrent",
        [
            *(case(f"lstm {part}", **s) for s in LSTMS for part in ("fwd", "fwd+bwd")),
            *(case(f"{cell} fwd", **LSTMS[k]) for cell in ("gru", "rnn") for k in (0, 3, 5)),
            case("gru fwd+bwd", **LSTMS[0]),
            case("gru fwd+bwd", **LSTMS[3]),
            case("rnn fwd+bwd", **LSTMS[0]),
            case("gru_reset_after fwd+bwd", **LSTMS[0]),
            *(
                case(f"{cell} {part} lengths", **LSTMS[k])
                for cell, k in (("lstm", 0), ("lstm", 3), ("gru", 0))
                for part in ("fwd", "fwd+bwd")
            ),
        ],
        quick=(0, 1, 10),
    ),
    Section(
        "layers",
        [
            case("TimeEmbedding fwd+bwd", V=10_000, D=100, N=20, T=35),
            case("TimeEmbedding fwd+bwd", V=10_000, D=650, N=20, T=35),
            case("TimeEmbedding fwd+bwd", V=100_000, D=300, N=20, T=35),
            case("TimeSoftmaxWithLoss fwd+bwd", V=10_000, N=20, T=35),
        ],
        quick=(0,),
    ),
    Section("steps", [case("Rnnlm step", table=steps.__name__, **RNNLM)], quick=(0,), budget=3.0),
    Section(
        "ops",
        [
            case("softmax_cross_entropy", n=700, V=10_000),
            case("matmul", M=700, K=100, N=10_000),
            case("affine_backward", M=700, K=100, N=10_000),
            case("linear_cross_entropy", n=700, D=100, V=10_000),
            case("time_attention fwd+bwd", N=128, T=10, Te=29, H=256),
            case("negative_sampling fwd+bwd", n=100, V=10_000, H=100, k=5),
            case("negative_samples", n=100, V=10_000, k=5),
            case("sgd", n=1_000_000),
            case("adam", n=1_000_000),
            case("global_norm", n=1_000_000),
        ],
        quick=(0,),
    ),
]


def choose(sections, quick=False, only=None):
    """Of the sections those with quick cells or all, and with cells that are `wanted`."""
    parts = {section.title.split(",")[0] for section in sections}
    found = []
    for section in sections:
        cells = [section.cases[k] for k in section.quick] if quick else section.cases
        part = section.title.split(",")[0]
        cells = [one for one in cells if wanted(only, parts, part, one.name)]
        if cells:
            budget = section.budget * (0.3 if quick else 1)
            found.append(replace(section, cases=cells, budget=budget))
    return found


def wanted(only, parts, part, name=""):
    """Whether ``only``, names with commas between, has the part or something of the case's name."""
    words = [] if only is None else [word.strip().lower() for word in only.split(",")]
    return only is None or any(
        word == part or (word not in parts and word in name.lower()) for word in words if word
    )
