"""Seconds in which a file of word vectors is read: ours, gensim, pandas, Arrow, Polars, NumPy.

Each sample is a new process; the file lies in the page cache. ``python -m benchmarks.vectors``
prints the table alone.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from fastembed.bench.report import seconds, times

FULL, QUICK = (400_000, 300), (20_000, 300)
# each: imports; an expression for words and matrix. V, D and path are known
TEXT = {
    "ours": ("from fastembed import vectors", "(v := vectors.load(path)).words, v.vectors"),
    "gensim": (
        "from gensim.models import KeyedVectors",
        "(v := KeyedVectors.load_word2vec_format(path, no_header=True)).index_to_key, v.vectors",
    ),
    "pandas": (
        "import pandas",
        "(t := pandas.read_csv(path, sep=' ', header=None, index_col=0, quoting=3, "
        "na_filter=False, dtype={k: 'f4' for k in range(1, D + 1)})).index.tolist(), t.to_numpy()",
    ),
    "Arrow": (
        "from pyarrow import csv, float32",
        "(t := csv.read_csv(path, csv.ReadOptions(autogenerate_column_names=True, "
        "block_size=1 << 24), "
        "csv.ParseOptions(delimiter=' ', quote_char=False), csv.ConvertOptions(column_types="
        "{f'f{k}': float32() for k in range(1, D + 1)})))['f0'].to_pylist(), "
        "numpy.column_stack([t[k].to_numpy() for k in range(1, D + 1)])",
    ),
    "Polars": (
        "import polars",
        "(t := polars.read_csv(path, separator=' ', has_header=False, quote_char=None, schema="
        "{'w': polars.String} | {str(k): polars.Float32 for k in range(D)}))['w'].to_list(), "
        "numpy.ascontiguousarray(t.drop('w').to_numpy())",
    ),
}
# what is found in many programs
PLAIN = """
def read(path):
    with open(path, "rb") as file:
        V, D = map(int, file.readline().split())
        words, rows = [], numpy.empty((V, D), "f4")
        for k in range(V):
            word = bytearray()
            while (c := file.read(1)) != b" ":
                word += c
            words.append(bytes(word).lstrip(b"\\n").decode())
            rows[k] = numpy.frombuffer(file.read(4 * D), "f4")
    return words, rows
"""
BINARY = {
    "ours": TEXT["ours"],
    "gensim": (
        "from gensim.models import KeyedVectors",
        "(v := KeyedVectors.load_word2vec_format(path, binary=True)).index_to_key, v.vectors",
    ),
    "NumPy": (PLAIN, "read(path)"),
}
FORMATS = {"GloVe text": TEXT, "word2vec binary": BINARY}
CODE = """
import time
import numpy
{imports}
path, V, D = {path!r}, {V}, {D}
start = time.perf_counter()
words, array = {expression}
took = time.perf_counter() - start
assert len(words) == V and array.shape == (V, D) and array.dtype == "f4", (len(words), array.shape)
print(took, words[V // 2], float(array[V // 2, D // 2]), float(array[-1].sum()))
"""


def make(path, binary, V, D):
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


def _sample(path, V, D, imports, expression):
    """Seconds, and what was read; an error's last line."""
    code = CODE.format(path=str(path), V=V, D=D, imports=imports, expression=expression)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=900)
    if done.returncode:
        return None, done.stderr.strip().splitlines()[-1]
    took, word, *numbers = done.stdout.split()
    return float(took), (word, *(f"{float(x):.4g}" for x in numbers))


def measure(quick, say, folder=None):
    """Format -> contender -> seconds (median), and what went wrong."""
    V, D = QUICK if quick else FULL
    found, problems = {}, []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for format, contenders in FORMATS.items():
            path = Path(scratch) / "vectors"
            make(path, contenders is BINARY, V, D)
            samples = {name: [] for name in contenders}
            results = {}
            for _ in range(3):
                for name in list(samples):
                    say(f"{format}, {V:,} × {D}: {name}")
                    took, result = _sample(path, V, D, *contenders[name])
                    if took is None or results.setdefault(format, result) != result:
                        del samples[name]
                        if "ModuleNotFoundError" not in str(result):
                            problems.append(f"{name} at {format}: {result}")
                    elif took is not None:
                        samples[name].append(took)
            label = f"{format}, {V:,} × {D}"
            found[label] = {name: statistics.median(x) for name, x in samples.items() if x}
    return found, problems


def lines(found):
    """Rows of a table: file, contender, seconds, in units of ours."""
    for label, row in found.items():
        for name, took in row.items():
            yield label, name, seconds(took), times(took / row["ours"]) if "ours" in row else ""


if __name__ == "__main__":
    found, problems = measure("--quick" in sys.argv, lambda line: print(line, file=sys.stderr))
    for line in lines(found):
        print("| " + " | ".join(line) + " |")
    print(*problems, sep="\n")
