"""What the whole benchmark measures: the sections of ``fastembed.bench.table`` and more."""

from dataclasses import replace

from benchmarks import word2vec
from benchmarks.cases import LAYER_OPS, case, drawn
from benchmarks.peers import CEILINGS
from fastembed.bench import table
from fastembed.bench.table import LOOKUPS, LSTMS, RNNLM, Section

SEED = 1
FEWER = 30  # drawn cells of a quick run are fewer by this factor
DRAWN = {
    "gather": {"gather": 60, "gather out": 60},
    "scatter": {"scatter_add": 60, "scatter_add zero": 60},
    "recurrent": {
        **{"lstm fwd": 30, "lstm fwd+bwd": 30, "gru fwd": 15, "rnn fwd": 15},
        **{"lstm fwd lengths": 15, "lstm fwd+bwd lengths": 15},
    },
    "bags": {
        f"embedding_bag {mode} {part}": 15
        for mode in ("sum", "mean", "max", "weighted")
        for part in ("fwd", "fwd+bwd")
    },
    "layers": dict.fromkeys(LAYER_OPS, 4),
}
LAYERS = [
    case("Embedding fwd+bwd", N=1, V=10, H=5),
    case("MatMul fwd+bwd", N=10, D=100, H=100),
    case("Affine fwd+bwd", N=10, D=100, H=100),
    case("TimeAffine fwd+bwd", N=10, T=5, D=100, H=100),
]
STEPS = [
    case("Rnnlm step", **RNNLM),
    case("BetterRnnlm step", V=10_000, D=650, H=650, N=20, T=35),
    case("CBOW step", V=10_000, H=100, N=100, window=5),
    case("SkipGram step", V=10_000, H=100, N=100, window=5),
    case("Seq2seq step", V=13, D=16, H=128, N=128, Te=7, T=4),
    case("PeekySeq2seq step", V=13, D=16, H=128, N=128, Te=7, T=4),
    case("AttentionSeq2seq step", V=59, D=16, H=256, N=128, Te=29, T=10),
]
LARGE = {"V": 30_000, "D": 768, "n": 16_384}
DOUBLE = [
    case("gather out", dtype="float64", **LARGE),
    case("scatter_add zero", dtype="float64", **LARGE),
    case("lstm fwd+bwd", dtype="float64", **LSTMS[0]),
    case("lstm fwd+bwd", dtype="float64", **LSTMS[3]),
    case("softmax_cross_entropy", dtype="float64", n=700, V=10_000),
    case("adam", dtype="float64", n=1_000_000),
]
THREADS = [
    case("gather out", **LARGE),
    case("scatter_add zero", **LARGE),
    case("lstm fwd+bwd", **LSTMS[3]),
    case("softmax_cross_entropy", n=700, V=10_000),
    STEPS[0],
]
SPARSE = [
    *(
        case(f"sparse {kind} step", V=1_000_000, D=128, N=20, T=35)
        for kind in ("SparseSGD", "LazyAdam")
    ),
    case("sparse CBOW step", V=1_000_000, H=128, N=100, window=5),
]
WORD2VEC = [word2vec.case(op, "reference", D=D) for op in word2vec.OPS for D in (100, 300)]
VECTORS = [
    case("load text", V=20_000, D=300),
    case("load binary", V=400_000, D=300),
    case("load text", V=400_000, D=300),
]
NAMED = [
    *(
        replace(section, cases=section.cases + LAYERS)
        if section.title == "layers"
        else replace(section, cases=STEPS)  # with details
        if section.title == "steps"
        else section
        for section in table.SECTIONS
    ),
    Section("sparse", SPARSE, quick=(1,)),
    Section("tables", [case("gather mapped", **s) for s in LOOKUPS], quick=(0,)),
    Section("word2vec", WORD2VEC, quick=(0,)),
    Section("vectors", VECTORS, quick=(0,)),
    Section("float64", DOUBLE),
    Section("threads", THREADS),
]
PARTS = [section.title for section in NAMED]


def sections(quick=False, only=None, count=None, seed=SEED):
    """The sections to be measured; of each op, count cells are drawn, or the table's number."""
    found = []
    for section in NAMED:
        cells = [
            one
            for op, usual in DRAWN.get(section.title, {}).items()
            for one in drawn(op, usual // (FEWER if quick else 1) if count is None else count, seed)
        ]
        places = tuple(range(len(cells)))
        found += [section, Section(f"{section.title}, drawn", cells, places, 0.9, True)]
    found = table.choose(found, quick, only)
    return sorted(found, key=lambda section: quick and section.drawn)  # what matters most, first


def ceilings():
    """The section that tells how fast the machine is."""
    return Section("ceilings", list(CEILINGS.values()), budget=0.2)


def wanted(only, part):
    """Whether ``only`` has a part of its own, such as the runtime's probes."""
    return table.wanted(only, {*PARTS, "runtime", "book"}, part)
