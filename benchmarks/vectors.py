"""Files of word vectors, and who reads them beside ours and gensim."""

import importlib
from importlib import metadata

import numpy as np

from benchmarks import files
from fastembed.bench.cases import Op
from fastembed.bench.peers import Reference, Task
from fastembed.vectors import WordVectors

LONG = 30_000_000  # numbers; more of them, as text, take a loop or gensim minutes


def write(path, binary, V, D):
    """A file of V words; a few thousand rows over and over."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((min(V, 4000), D)).astype("f") * 0.4
    if binary:
        tails = [b" " + row.tobytes() + b"\n" for row in rows]
    else:
        tails = [(" %.5g" * D % tuple(row) + "\n").encode() for row in rows.tolist()]
    with open(path, "wb") as file:
        if binary:
            file.write(f"{V} {D}\n".encode())
        for k in range(V):
            file.write(b"word%d" % (k * 7919 % 1_000_003) + tails[k % len(tails)])


def told(words, rows):
    """What is compared: the numbers, how many words there are, and the number in one of them."""
    return rows, np.array([len(words), int(words[len(words) // 2][4:])])


def load(path):
    """The loops that are found in many programs."""
    with open(path, "rb") as file:
        first = file.readline().split()
        if len(first) > 2:
            lines = [line.split() for line in (b" ".join(first), *file)]
            words = [line[0].decode() for line in lines]
            return WordVectors(words, np.array([line[1:] for line in lines], "f4"))
        V, D = map(int, first)
        words, rows = [], np.empty((V, D), "f4")
        for k in range(V):
            word = bytearray()
            while (c := file.read(1)) != b" ":
                word += c
            words.append(bytes(word).lstrip(b"\n").decode())
            rows[k] = np.frombuffer(file.read(4 * D), "f4")
        return WordVectors(words, rows)


def _read(m, path):
    def run():
        found = m.load(path)
        return told(found.words, found.vectors)

    return run


def _op(kind):
    def draw(d, V, D):
        make = lambda path: write(path, kind == "binary", V, D)  # noqa: E731
        return (files.made(f"{V}x{D}-{kind}", make),)

    ours = "fastembed.vectors"
    return Op(draw, _read, tolerance={"float32": 1e-6}, fast=ours, reference=__name__)


def bearable(case):
    """Whether a loop over the lines is to read it."""
    return case.op == "load binary" or case.sizes["V"] * case.sizes["D"] <= LONG


OPS = {f"load {kind}": _op(kind) for kind in ("text", "binary")}


def _pandas(pandas, path, D):
    table = pandas.read_csv(
        path,
        sep=" ",
        header=None,
        index_col=0,
        quoting=3,
        na_filter=False,
        dtype=dict.fromkeys(range(1, D + 1), "f4"),
    )
    return table.index.tolist(), table.to_numpy()


def _arrow(csv, path, D):
    from pyarrow import float32

    names = [f"f{k}" for k in range(1, D + 1)]
    table = csv.read_csv(
        path,
        csv.ReadOptions(autogenerate_column_names=True, block_size=1 << 24),
        csv.ParseOptions(delimiter=" ", quote_char=False),
        csv.ConvertOptions(column_types=dict.fromkeys(names, float32())),
    )
    return table["f0"].to_pylist(), np.column_stack([table[name].to_numpy() for name in names])


def _polars(polars, path, D):
    schema = {"w": polars.String} | {str(k): polars.Float32 for k in range(D)}
    table = polars.read_csv(path, separator=" ", has_header=False, quote_char=None, schema=schema)
    return table["w"].to_list(), np.ascontiguousarray(table.drop("w").to_numpy())


READERS = {"pandas": ("pandas", _pandas), "Arrow": ("pyarrow.csv", _arrow)}
READERS["Polars"] = "polars", _polars


class Reader:
    """A library that reads tables of text."""

    def __init__(self, name):
        module, self.read = READERS[name]
        self.name, self.module = name, importlib.import_module(module)
        self.number = metadata.version(module.split(".")[0])

    def version(self):
        return f"{self.name} {self.number}"

    def task(self, case):
        if case.op != "load text":
            return None
        (path,), D = case.inputs(), case.sizes["D"]
        return Task(lambda: told(*self.read(self.module, path, D)))


class Loop(Reference):
    """`load`, and the op's reference."""

    def task(self, case):
        return super().task(case) if case.op in OPS and bearable(case) else None
