"""``python -m benchmarks.word2vec``: words a second and quality of word2vec, beside gensim's.

Each contender has a process of its own. For speed they take turns, an epoch each, and ratios are of
turns that follow each other. gensim (extra ``peers``) takes part with each number of workers, and
as it reads a file itself. Three texts: the Python language reference, and two that are made with a
structure which the vectors should find:

- *grid*: a word for each pair of a row and a column, among words of its row and of its column.
  Quality is the share of analogies (a is to b as c is to ...) that are right.
- *topics*: some of a sentence's words are of its topic. Quality is the share of the ten nearest
  words that are of a word's own topic.

For the reference nobody knows what is right: there it is the share of a word's ten nearest that are
the same with gensim and another seed. Two runs of gensim tell what agreement there can be.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fastembed.text import words
from fastembed.text.sources import default_text

TEXTS = ("grid", "topics", "reference")
SEED = 7  # of the texts


def zipf(n):
    p = 1 / np.arange(1, n + 1)
    return p / p.sum()


def grid(rng, sentences, side=15, fillers=3000, kinds=20, noise=0.4):
    """Sentences of a word of the grid, two of its row, two of its column, and nine others."""
    row, column = rng.integers(0, side, (2, sentences, 1))
    astray = rng.random((2, sentences, 2)) < noise
    near = [
        np.where(stray, rng.integers(0, side, stray.shape), place)
        for stray, place in zip(astray, (row, column), strict=True)
    ]
    kind = rng.integers(0, kinds, (2, sentences, 2))
    names = [np.char.add("f", rng.choice(fillers, (sentences, 9), p=zipf(fillers)).astype(str))]
    names += [
        _pairs("g", row, column),
        _pairs("r", near[0], kind[0]),
        _pairs("c", near[1], kind[1]),
    ]
    return rng.permuted(np.concatenate(names, axis=1), axis=1).tolist()


def _pairs(letter, a, b):
    return np.char.add(np.char.add(np.char.add(letter, a.astype(str)), "_"), b.astype(str))


def analogies(names, vectors, side=15, count=2000):
    """Which share of analogies between words of the grid is right."""
    rng, ids = np.random.default_rng(SEED), {word: k for k, word in enumerate(names)}
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    row, column = rng.integers(0, side, (2, count))
    other_row = (row + rng.integers(1, side, count)) % side
    other_column = (column + rng.integers(1, side, count)) % side
    a, b, c, d = (
        np.array([ids[f"g{r}_{k}"] for r, k in zip(rows, columns, strict=True)])
        for rows, columns in (
            (row, column),
            (row, other_column),
            (other_row, column),
            (other_row, other_column),
        )
    )
    score = (unit[b] - unit[a] + unit[c]) @ unit.T
    for known in (a, b, c):
        score[np.arange(count), known] = -np.inf
    return float((score.argmax(axis=1) == d).mean())


def topics(rng, sentences, topics=150, own=60, others=1000, share=0.3):
    """Sentences of twenty words, some of them of the sentence's topic."""
    topic = rng.integers(0, topics, (sentences, 1))
    word = rng.choice(own, (sentences, 20), p=zipf(own))
    other = rng.choice(others, (sentences, 20), p=zipf(others))
    is_own = rng.random((sentences, 20)) < share
    return np.where(is_own, _pairs("t", topic, word), np.char.add("f", other.astype(str))).tolist()


def purity(names, vectors):
    """Which share of the ten nearest words is of a word's own topic."""
    of_topic = [k for k, word in enumerate(names) if word[0] == "t"]
    topic = np.array([names[k].split("_")[0] for k in of_topic])
    near = _nearest(np.asarray(vectors)[of_topic])
    return float((topic[near] == topic[:, None]).mean())


def _nearest(vectors, k=10):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    score = unit @ unit.T
    np.fill_diagonal(score, -np.inf)
    return np.argpartition(-score, k, axis=1)[:, :k]


def agreement(vectors, others):
    """How many of the ten nearest of the thousand most frequent words are alike, as a share."""
    both = zip(_nearest(vectors[:1000]), _nearest(others[:1000]), strict=True)
    return float(np.mean([len({*a} & {*b}) / 10 for a, b in both]))


def text(name, count):
    """Sentences of about so many words in all."""
    rng = np.random.default_rng(SEED)
    if name == "grid":
        return grid(rng, count // 14)
    if name == "topics":
        return topics(rng, count // 20)
    paragraphs = (words(part.lower()) for part in default_text().split("\n\n"))
    return [[w for w in part if w[0].isalpha() or w[0] == "_"] for part in paragraphs]


# ---- a contender: a process that is told what to do by lines of JSON


class Ours:
    """fastembed; count is of threads."""

    def __init__(self, sentences, options, count, deterministic=True):
        import fastembed

        fastembed.set_num_threads(count)
        self.make = lambda seed: fastembed.Word2Vec(
            seed=seed, deterministic=deterministic, **options
        )
        self.sentences = sentences
        self.model = None

    def speed(self):
        """Words a second of one epoch."""
        if self.model is None:
            self.model = self.make(1)
            self.model.build_vocab(self.sentences)
        self.model.train(1)
        return self.model.words_per_second

    def trained(self, seed):
        model = self.make(seed)
        model.build_vocab(self.sentences)
        model.train()
        return model.wv.words, model.wv.vectors


class Gensim:
    """gensim; count is of workers; with file, it reads that itself."""

    def __init__(self, sentences, options, count, file=None):
        from gensim.models import Word2Vec

        options = {**options, "workers": count}
        self.make = lambda seed: Word2Vec(seed=seed, **options)
        self.text = {"corpus_file": file} if file else {"corpus_iterable": sentences}
        self.model = None

    def speed(self):
        if self.model is None:
            self.model = self.make(1)
            self.model.build_vocab(**self.text)
        begun = time.perf_counter()
        self._train(self.model, 1)
        seconds = time.perf_counter() - begun
        return sum(self.model.wv.expandos["count"]) / seconds

    def trained(self, seed):
        model = self.make(seed)
        model.build_vocab(**self.text)
        self._train(model, model.epochs)
        return model.wv.index_to_key, model.wv.vectors

    def _train(self, model, epochs):
        sizes = {"total_examples": model.corpus_count, "total_words": model.corpus_total_words}
        model.train(**self.text, epochs=epochs, **sizes)


def serve():
    """The contender's side."""
    told = json.loads(input())
    sentences = [line.split() for line in Path(told["path"]).read_text("utf-8").splitlines()]
    kind = {"ours": Ours, "gensim": Gensim}[told["kind"]]
    contender = kind(sentences, told["options"], told["count"], **told["more"])
    for line in sys.stdin:
        seed = json.loads(line)
        if seed is None:
            print(json.dumps(contender.speed()), flush=True)
        else:
            names, vectors = contender.trained(seed)
            np.save(told["path"] + ".npy", vectors)
            print(json.dumps(list(names)), flush=True)


class Contender:
    """A process."""

    def __init__(self, kind, path, options, count, **more):
        command = [sys.executable, "-m", "benchmarks.word2vec", "--serve"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.path = path
        self._tell(dict(kind=kind, path=path, options=options, count=count, more=more))

    def _tell(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def ask(self, what):
        self._tell(what)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("a contender ended, see above")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def contenders(path, options, threads):
    """Name -> contender."""
    found = {
        "ours": Contender("ours", path, options, threads),
        "ours, 1 thread": Contender("ours", path, options, 1),
        "ours, racing": Contender("ours", path, options, threads, deterministic=False),
    }
    if importlib.util.find_spec("gensim"):
        for count in (1, threads, threads + 1):
            found[f"gensim, {count} workers"] = Contender("gensim", path, options, count)
        name = f"gensim, {threads} workers, file"
        found[name] = Contender("gensim", path, options, threads, file=path)
    return found


def speeds(path, options, threads, rounds):
    """Name -> words a second, and the ratio of ours to gensim's best in the same round."""
    racing = contenders(path, options, threads)
    turns = {name: [] for name in racing}
    for _ in range(rounds + 1):
        for name, contender in racing.items():
            turns[name].append(contender.ask(None))
    for contender in racing.values():
        contender.close()
    turns = {name: values[1:] for name, values in turns.items()}  # the first one warms up
    medians = {name: statistics.median(values) for name, values in turns.items()}
    gensims = [name for name in medians if name.startswith("gensim")]
    ratio = None
    if gensims:
        best = max(gensims, key=medians.get)
        ratio = statistics.median(a / b for a, b in zip(turns["ours"], turns[best], strict=True))
    return medians, ratio


def quality(name, path, options, threads, seeds):
    """Who -> one figure a seed."""
    kinds = ["ours", *(["gensim"] if importlib.util.find_spec("gensim") else [])]
    vectors = {}
    for kind in kinds:
        contender = Contender(kind, path, options, threads)
        for seed in range(1, seeds + 1):
            names = contender.ask(seed)
            vectors[kind, seed] = names, np.load(path + ".npy")
        contender.close()
    if name != "reference":
        score = {"grid": analogies, "topics": purity}[name]
        return {k: [score(*vectors[k, s]) for s in range(1, seeds + 1)] for k in kinds}
    if kinds == ["ours"] or seeds == 1:
        return {}
    order = sorted(vectors["ours", 1][0])
    rows = {}
    for key, (names, W) in vectors.items():
        ids = {word: k for k, word in enumerate(names)}
        rows[key] = W[[ids[word] for word in order]]
    return {
        k: [
            np.mean(
                [agreement(rows[k, a], rows["gensim", b]) for b in range(1, seeds + 1) if a != b]
            )
            for a in range(1, seeds + 1)
        ]
        for k in kinds
    }


def main():
    parser = argparse.ArgumentParser("python -m benchmarks.word2vec", description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--text", choices=TEXTS, action="append")
    parser.add_argument("--words", type=int, default=400_000, help="of the texts that are made")
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 300], help="of the vectors")
    parser.add_argument("--rounds", type=int, default=5, help="of the speeds; 0: none")
    parser.add_argument("--seeds", type=int, default=5, help="of the quality; 0: none")
    parser.add_argument("--epochs", type=int, default=5, help="before quality is measured")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.serve:
        return serve()
    with tempfile.TemporaryDirectory() as folder:
        for name in args.text or TEXTS:
            path = str(Path(folder) / f"{name}.txt")
            lines = [" ".join(sentence) for sentence in text(name, args.words)]
            Path(path).write_text("\n".join(lines) + "\n", "utf-8")
            for sg in (0, 1):
                for size in args.sizes:
                    _tell(name, path, dict(vector_size=size, sg=sg, epochs=args.epochs), args)


def _tell(name, path, options, args):
    label = f"{name} {'skip-gram' if options['sg'] else 'CBOW':9} D={options['vector_size']:<4}"
    if args.rounds:
        medians, ratio = speeds(path, options, args.threads, args.rounds)
        for who, value in medians.items():
            print(f"{label} {who:26} {value:12,.0f} words/s")
        if ratio:
            print(f"{label} {'ours / best of gensim':26} {ratio:12.2f}", flush=True)
    if args.seeds and options["vector_size"] == args.sizes[0]:
        for who, values in quality(name, path, options, args.threads, args.seeds).items():
            error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
            print(f"{label} {who:26} quality {np.mean(values):.4f} ± {error:.4f}", flush=True)


if __name__ == "__main__":
    main()
