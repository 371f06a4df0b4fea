"""Task ``word2vec``: vectors of the words of a text; nearest words and analogies."""

import zlib

import numpy as np

from fastembed import models
from fastembed.optimizer import Adam
from fastembed.tasks import plots, text, training
from fastembed.tasks.checkpoint import Checkpoint
from fastembed.tasks.values import UserError
from fastembed.text import WordTokenizer
from fastembed.util import create_contexts_target

DEFAULTS = {
    "text": [],
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
        source = text.read(options.text).lower()
        tokens = [word for para in text.paragraphs(source) for word in para if _is_word(word)]
        words = text.vocabulary(tokens, options.min_count)
        ids = text.encode(tokens, words)
        ids = ids[ids > 1]  # rare words are left out
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
        corpus = np.concatenate([ids, [text.UNK_ID, text.EOS_ID]])  # every id is in it
        model = kind(len(words), **sizes, corpus=corpus)
        model.tokenizer = WordTokenizer(words[2:])
    data = zlib.crc32(ids)
    run = Training(
        file, options, say, model, Adam(options.lr), data, contexts=contexts, target=target
    )
    if file.saved:
        run.restore(given)
    say.log_to(file.beside(".log"))
    say(f"text        {text.source(options.text)}")
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


def _is_word(token):
    return token[0].isalpha() or token[0] == "_"


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
