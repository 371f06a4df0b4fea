"""Speed and quality of word2vec, beside gensim's.

`OPS` are epochs of training, which ``python -m benchmarks --only word2vec`` times. The command
``python -m benchmarks.word2vec`` tells the quality. Three texts: the Python language reference, and
two that are made with a structure which the vectors should find:

- *grid*: a word for each pair of a row and a column, among words of its row and of its column.
  Quality is the share of analogies (a is to b as c is to ...) that are right.
- *topics*: some of a sentence's words are of its topic. Quality is the share of the ten nearest
  words that are of a word's own topic.

For the reference nobody knows what is right: there it is the share of a word's ten nearest that are
the same with gensim and another seed. Two runs of gensim tell what agreement there can be.
"""

import argparse
import importlib.util
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

import fastembed
from benchmarks import files, vectors
from fastembed.bench import cases
from fastembed.bench.cases import Op
from fastembed.bench.peers import Ours, Task, quickest
from fastembed.cli.machine import cpus
from fastembed.text import words
from fastembed.text.sources import default_text

TEXTS = ("grid", "topics", "reference")
SEED = 7  # of the texts
WORDS = 400_000  # of those that are made, about


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


# ---- an epoch of training, as a case


def _op(sg):
    def draw(d, D):
        return text(d.distribution, WORDS), dict(vector_size=D, sg=sg)

    def make(m, sentences, options, **more):
        model = m.Word2Vec(seed=1, **options, **more)
        model.build_vocab(sentences)
        return lambda: model.train(1)  # which returns nothing: quality is compared, not numbers

    return Op(draw, make, ids=TEXTS, fast="fastembed")


OPS = {"word2vec CBOW": _op(0), "word2vec skip-gram": _op(1)}
case = partial(cases.case, table=__name__)


class Racing(Ours):
    """fastembed with threads that race."""

    def task(self, case):
        if case.op not in OPS:
            return None
        return Task(case.row.make(fastembed, *case.inputs(), deterministic=False))


class Gensim:
    """gensim, with the number of workers that suits it best, or reading a file by itself."""

    def __init__(self):
        from gensim import __version__, models

        self.models, self.number = models, __version__

    def version(self):
        return f"gensim {self.number}"

    def task(self, case):
        if case.op in OPS:
            return Task(self._epoch(case.ids, *case.inputs()))
        (path,), binary = case.inputs(), case.op == "load binary"
        if not vectors.bearable(case):
            return None

        def run():
            read = self.models.KeyedVectors.load_word2vec_format
            found = read(path, binary=binary, no_header=not binary)
            return vectors.told(found.index_to_key, found.vectors)

        return Task(run)

    def _epoch(self, name, sentences, options):
        path = files.made(f"{name}.txt", partial(_write, sentences))
        ways = [dict(corpus_iterable=sentences, workers=k) for k in (1, cpus(), cpus() + 1)]
        ways.append(dict(corpus_file=str(path), workers=cpus()))
        return quickest(*(self._way(options, **way) for way in ways))

    def _way(self, options, workers, **text):
        model = self.models.Word2Vec(seed=1, workers=workers, **options)
        model.build_vocab(**text)
        sizes = dict(total_examples=model.corpus_count, total_words=model.corpus_total_words)
        return lambda: model.train(**text, **sizes, epochs=1) and None


def _write(sentences, path):
    Path(path).write_text("".join(" ".join(words) + "\n" for words in sentences), "utf-8")


# ---- quality


def trained(kind, sentences, options, threads, seed):
    """Words and vectors."""
    if kind == "ours":
        fastembed.set_num_threads(threads)
        wv = fastembed.Word2Vec(sentences, seed=seed, **options).wv
        return wv.words, wv.vectors
    from gensim.models import Word2Vec

    wv = Word2Vec(sentences, seed=seed, workers=threads, **options).wv
    return wv.index_to_key, wv.vectors


def quality(name, sentences, options, threads, seeds):
    """Who -> one figure a seed; each has a process of its own."""
    kinds = ["ours", *(["gensim"] if importlib.util.find_spec("gensim") else [])]
    vectors = {}
    for kind in kinds:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            for seed in range(1, seeds + 1):
                told = process.submit(trained, kind, sentences, options, threads, seed)
                vectors[kind, seed] = told.result()
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
    parser.add_argument("--text", choices=TEXTS, action="append")
    parser.add_argument("--words", type=int, default=WORDS, help="of the texts that are made")
    parser.add_argument("--size", type=int, default=100, help="of the vectors")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    for name in args.text or TEXTS:
        sentences = text(name, args.words)
        for sg in (0, 1):
            options = dict(vector_size=args.size, sg=sg, epochs=args.epochs)
            found = quality(name, sentences, options, args.threads, args.seeds)
            for who, values in found.items():
                error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
                kind = "skip-gram" if sg else "CBOW"
                figure = f"{np.mean(values):.4f} ± {error:.4f}"
                print(f"{name} {kind:9} D={args.size:<4} {who:8} quality {figure}", flush=True)


if __name__ == "__main__":
    main()
