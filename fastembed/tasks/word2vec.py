"""Task ``word2vec``: vectors of the words of a text; nearest words and analogies."""

import zlib
from array import array

import numpy as np

from fastembed import models
from fastembed.optimizer import Adam
from fastembed.tasks import plots, training
from fastembed.tasks.checkpoint import Checkpoint
from fastembed.tasks.values import UserError
from fastembed.text import WordTokenizer, find
from fastembed.text import words as words_of
from fastembed.util import create_contexts_target

DEFAULTS = {
    "text": [],
    "encoding": None,
    "column": None,
    "model": "CBOW",
    "embed": 100,
    "window": 5,
    "batch": 100,
    "epochs": 8,
    "lr": 0.003,
    "min_count": 3,
}
# asked where the text has the words, else its most frequent long ones
QUERIES = "integer list class function true exception local float bytes __add__".split()
ANALOGIES = [
    "argument arguments parameter",
    "object objects value",
    "function functions class",
    "__getattr__ __setattr__ __getitem__",
]
MODELS = ["CBOW", "SkipGram"]
NEGATIVES = 5  # that the models draw for each word


class Training(training.Training):
    """The last epoch counts; the rate falls to nothing."""

    unit = "word"
    measures = ("loss",)
    fixed = ("model", "embed", "window", "min_count", "seed")
    settings = (*fixed, "batch")

    def __init__(self, *arguments, contexts, target):
        super().__init__(*arguments)
        self.contexts, self.target = contexts, target
        self.count = len(target) // self.options.batch

    def size(self):
        return self.count * self.options.batch

    def batches(self):
        size = self.options.batch
        order = np.random.default_rng([self.options.seed, self.epoch]).permutation(len(self.target))
        for step in range(self.step, self.count):
            rows = order[step * size : (step + 1) * size]
            yield self.contexts[rows], self.target[rows], size

    def rate(self):
        # the last epochs settle what the first ones found
        return self.lr * (1 - self.epoch / max(self.until, self.epoch + 1))

    def judge(self, loss):
        self.history["loss"].append(loss)
        return f"loss {loss:7.3f}"


def run(options, given, say):
    """Train, tell the vectors' neighbours, and write the files."""
    file = Checkpoint("word2vec", options.out, options.resume, options.force)
    if file.saved:
        training.adopt(Training, options, given, file)
    with file.folder():
        texts = find(options.text, column=options.column, encoding=options.encoding)
        ids, words = read(texts, options.min_count)
        if len(ids) < options.batch + 2 * options.window or len(words) < NEGATIVES + 4:
            raise UserError(
                f"the text is too short: {len(ids)} words, {len(words) - 2} different, that come "
                f"--min-count {options.min_count} times"
            )
    np.random.seed(options.seed)
    contexts, target = create_contexts_target(ids, options.window)
    sizes = {"hidden_size": options.embed, "window_size": options.window}
    if file.saved:
        model = training.made(file, MODELS, options, sizes)
    else:
        kind = getattr(models, options.model)
        model = kind(len(words), **sizes, corpus=np.append(ids, [0, 1]))  # every id is in it
        model.tokenizer = WordTokenizer(words[2:])
    data = zlib.crc32(ids)
    run = Training(
        file, options, say, model, Adam(options.lr), data, contexts=contexts, target=target
    )
    if file.saved:
        run.restore(given)
    say.log_to(file.beside(".log"))
    say(f"text        {texts.name}")
    say(
        f"words       {len(ids):,}, {len(words) - 2:,} different "
        f"(seen {options.min_count} times or more)"
    )
    say(f"model       {options.model}, embed {options.embed}, window {options.window}")
    say(training.plan(run))
    run.run()

    _tell(unit_rows(model.word_vecs), words, say)
    say(f"\nvectors     {file.path}")
    if run.epoch:
        lines = {"training": run.history["loss"]}
        say(f"curve       {plots.curves(file.beside('.png'), 'Loss', 'loss', lines)}")


def read(texts, min_count):
    """Ids of the words that come min_count times, and the vocabulary, most frequent first.

    All in small letters; numbers are left out, and so are rarer words, as if they were not there.
    """
    places, found = {}, array("i")
    for text in texts:
        words = (word for word in words_of(text.lower()) if word[0].isalpha() or word[0] == "_")
        found.extend(places.setdefault(word, len(places)) for word in words)
    counts = np.bincount(found, minlength=len(places))
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] >= min_count]
    new = np.zeros(len(places), np.int32)
    new[order] = np.arange(2, 2 + len(order))
    ids = new[np.asarray(found)]
    names = list(places)
    return ids[ids > 0], ["<unk>", "<eos>", *(names[k] for k in order)]


def unit_rows(W):
    """W with every row divided by its length."""
    return W / (np.linalg.norm(W, axis=1, keepdims=True) + 1e-12)


def nearest(unit, vector, banned, count):
    """Ids of the rows of unit that point most nearly where vector does, without the banned ids."""
    score = unit @ vector
    score[banned] = -np.inf
    return np.argsort(-score)[:count]


def _tell(unit, words, say):
    ids = {word: k for k, word in enumerate(words)}
    queries = [word for word in QUERIES if word in ids]
    if len(queries) < len(QUERIES) // 2:
        queries = [word for word in words[2:] if len(word) > 4][: len(QUERIES)] or words[2:7]
    say("\nnearest words:")
    for word in queries:
        near = nearest(unit, unit[ids[word]], [ids[word]], 6)
        say(f"  {word:12} {', '.join(words[k] for k in near)}")
    known = [line.split() for line in ANALOGIES if all(word in ids for word in line.split())]
    if known:
        say("\nanalogies:")
    for a, b, c in known:
        ia, ib, ic = ids[a], ids[b], ids[c]
        near = nearest(unit, unit[ib] - unit[ia] + unit[ic], [ia, ib, ic], 4)
        say(f"  {a} is to {b} as {c} is to  {', '.join(words[k] for k in near)}")
