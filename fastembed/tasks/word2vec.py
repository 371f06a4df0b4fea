"""Task ``word2vec``: vectors of the words of a text; nearest words and analogies."""

import zlib
from array import array

import numpy as np

from fastembed import vectors
from fastembed.optimizer import SGD
from fastembed.tasks import plots, training
from fastembed.tasks.checkpoint import Checkpoint
from fastembed.tasks.values import UserError
from fastembed.text import WordTokenizer, find
from fastembed.text import words as words_of
from fastembed.threads import get_num_threads
from fastembed.word2vec import Word2Vec

DEFAULTS = {
    "text": [],
    "encoding": None,
    "column": None,
    "model": "CBOW",
    "embed": 100,
    "window": 5,
    "epochs": 40,
    "lr": 0.05,
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
NEGATIVES = 5  # that are drawn for each word


class Training(training.Training):
    """The last epoch counts; the rate falls to nothing. A step is a part of the text."""

    unit = "word"
    measures = ("loss",)
    fixed = settings = ("model", "embed", "window", "min_count", "seed")

    def __init__(self, *arguments, trainer):
        super().__init__(*arguments)
        self.trainer = trainer
        self.borders = trainer.borders()
        self.count = len(self.borders) - 1

    def size(self):
        return self.trainer.tokens

    def batches(self):
        self.trainer.epoch = self.epoch
        for step in range(self.step, self.count):
            start, stop = self.borders[step : step + 2]
            yield start, stop, stop - start

    def learn(self, start, stop):
        loss, targets = self.trainer.train_part(start, stop, self.optimizer.lr)
        return loss / max(targets, 1)

    def rate(self):
        return self.lr * max(1 - self.done(), 1 / 250)

    def judge(self, loss):
        self.history["loss"].append(loss)
        return f"loss {loss:7.3f}"

    def save(self):
        self.model.params[0][...] = self.trainer.wv.vectors
        self.model.params[1][...] = self.trainer.output
        super().save()

    def restore(self, given):
        super().restore(given)
        self.trainer.set_vectors(*self.model.params)


def run(options, given, say):
    """Train, tell the vectors' neighbours, and write the files."""
    file = Checkpoint("word2vec", options.out, options.resume, options.force)
    if file.saved:
        training.adopt(Training, options, given, file)
    with file.folder():
        texts = find(options.text, column=options.column, encoding=options.encoding)
        ids, words = read(texts, options.min_count)
        if len(ids) <= 2 * options.window or len(words) < NEGATIVES + 4:
            raise UserError(
                f"the text is too short: {len(ids)} words, {len(words) - 2} different, that come "
                f"--min-count {options.min_count} times; a smaller --min-count keeps more"
            )
    sizes = {"hidden_size": options.embed, "window_size": options.window}
    tokenizer, every_id = WordTokenizer(words[2:]), np.append(ids, [0, 1])
    model = training.made(file, MODELS, options, tokenizer, sizes, corpus=every_id)
    trainer = Word2Vec(
        vector_size=options.embed,
        window=options.window,
        negative=NEGATIVES,
        sg=options.model == "SkipGram",
        seed=options.seed,
    )
    trainer.use_ids(ids, words)
    run = Training(file, options, say, model, SGD(options.lr), zlib.crc32(ids), trainer=trainer)
    if file.saved:
        run.restore(given)
    say.log_to(file.beside(".log"))
    say(f"text        {texts.name}")
    say(
        f"words       {len(ids):,}, {len(words) - 2:,} different "
        f"(seen {options.min_count} times or more)"
    )
    say(f"model       {options.model}, embed {options.embed}, window {options.window}")
    epochs = training.epochs_left(run)
    say(f"training    {epochs} of {run.size():,} words, {get_num_threads()} threads")
    run.run()

    found = vectors.WordVectors(words[2:], model.word_vecs[2:])
    groups = _tell(found, say)
    say(f"\nvectors     {file.path}")
    if run.epoch:
        found.save(file.beside(".bin"))
        say(f"            {file.beside('.bin')} (word2vec's format)")
        say(f"curve       {plots.training(file.beside('.png'), 'loss', run)}")
        say(f"map         {plots.vectors(file.beside('-words.png'), groups, found)}")
    say(f"use it      python -m fastembed similar {file.path} {words[2]}")


TASKS = {"word2vec": (run, DEFAULTS)}


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


def _tell(found, say):
    """Tell some words' neighbours, and analogies; returns each word with its neighbours."""
    words, groups = found.words, []
    queries = [word for word in QUERIES if word in found]
    if len(queries) < len(QUERIES) // 2:
        queries = [word for word in words if len(word) > 4][: len(QUERIES)] or words[:5]
    say("\nnearest words:")
    for word in queries:
        near = found.most_similar(word, topn=6)
        groups.append([word, *(name for name, _ in near)])
        say(f"  {word:12} {_names(near)}")
    known = [line.split() for line in ANALOGIES if all(word in found for word in line.split())]
    if known:
        say("\nanalogies:")
    for a, b, c in known:
        say(f"  {a} is to {b} as {c} is to  {_names(found.analogy(a, b, c, topn=4))}")
    return groups


def _names(near):
    return ", ".join(word for word, _ in near)
