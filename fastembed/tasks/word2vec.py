"""Task ``word2vec``: vectors of the words of a text; nearest words and analogies."""

import numpy as np

from fastembed import models
from fastembed.tasks import plots, text, training
from fastembed.tasks.checkpoint import Checkpoint
from fastembed.tasks.values import UserError
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
NEGATIVES = 5  # that the models draw for each word


def run(options, given, say):
    """Train, tell the vectors' neighbours, and write the files."""
    source = text.read(options.text).lower()
    tokens = [word for para in text.paragraphs(source) for word in para if _is_word(word)]
    words = text.vocabulary(tokens, options.min_count)
    ids = text.encode(tokens, words)
    ids, words = ids[ids > 1] - 2, words[2:]  # rare words are left out: no <unk> and no <eos>
    if len(ids) < options.batch + 2 * options.window or len(words) < NEGATIVES + 2:
        raise UserError(
            f"the text is too short: {len(ids)} words, {len(words)} different, that come "
            f"--min-count {options.min_count} times"
        )
    file = Checkpoint(options.out, "word2vec")
    file.make_folder()
    np.random.seed(options.seed)
    contexts, target = create_contexts_target(ids, options.window)
    model = getattr(models, options.model)(len(words), options.embed, options.window, ids)
    say(f"text        {text.source(options.text)}")
    say(
        f"words       {len(ids):,}, {len(words):,} different "
        f"(seen {options.min_count} times or more)"
    )
    say(f"model       {options.model}, embed {options.embed}, window {options.window}")
    say(training.plan(options, len(target)))

    losses = []
    for epoch, loss, seconds in training.epochs(model, contexts, target, options):
        losses.append(loss)
        speed = len(target) // options.batch * options.batch / seconds
        say(f"epoch {epoch:2}    loss {loss:7.3f}, {seconds:5.1f} s, {speed:,.0f} words/s")

    W_in, W_out = model.params
    settings = {key: getattr(options, key) for key in ("model", "embed", "window", "min_count")}
    tensors = {"word_vectors": W_in, "output": W_out}
    file.save(tensors, settings, {"epoch": options.epochs}, words)
    _tell(unit_rows(W_in), words, say)
    say(f"\nvectors     {file.path}")
    say(f"curve       {plots.curves(file.beside('.png'), 'Loss', 'loss', {'training': losses})}")


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
        queries = [word for word in words if len(word) > 4][: len(QUERIES)] or words[:5]
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
