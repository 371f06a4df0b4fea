"""Task ``word2vec``: vectors of the words of a text; nearest words and analogies."""

import time
from pathlib import Path

import numpy as np

from fastembed import get_num_threads
from fastembed.cli import checkpoint, plots, text
from fastembed.cli.options import UserError

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


def run(options, given):
    """Train, show the vectors' neighbours, and write the files; returns the exit status."""
    from fastembed import models
    from fastembed.optimizer import Adam
    from fastembed.trainer import Trainer
    from fastembed.util import create_contexts_target

    folder = Path(options.out)
    path = folder / "word2vec.safetensors"
    source = text.read(options.text) if options.text else text.default_text()
    tokens = [word for para in text.paragraphs(source.lower()) for word in para if _is_word(word)]
    words = text.vocabulary(tokens, options.min_count)
    ids = text.encode(tokens, words)
    ids, words = ids[ids > 1] - 2, words[2:]  # rare words are left out: no <unk> and no <eos>
    if len(ids) < options.batch + 2 * options.window or len(words) < NEGATIVES + 2:
        raise UserError(
            f"the text is too short: {len(ids)} words, {len(words)} different, that come "
            f"--min-count {options.min_count} times"
        )
    backup = checkpoint.find(path, "word2vec") is not None
    checkpoint.output_folder(folder)
    np.random.seed(options.seed)
    contexts, target = create_contexts_target(ids, options.window)
    model = getattr(models, options.model)(len(words), options.embed, options.window, ids)
    steps = len(target) // options.batch
    name = ", ".join(options.text) or "the Python language reference (pydoc_data.topics)"
    print(f"text        {name}")
    print(f"words       {len(ids):,}, {len(words):,} different "
          f"(seen {options.min_count} times or more)")  # fmt: skip
    print(f"model       {options.model}, embed {options.embed}, window {options.window}")
    print(f"training    {options.epochs} epochs of {steps} steps of {options.batch}, "
          f"{get_num_threads()} threads", flush=True)  # fmt: skip

    optimizer = Adam(options.lr)
    trainer = Trainer(model, optimizer, verbose=False)
    history = {"training": []}
    for epoch in range(1, options.epochs + 1):
        optimizer.lr = options.lr * (1 - (epoch - 1) / options.epochs)
        start = time.perf_counter()
        trainer.fit(contexts, target, 1, options.batch, eval_interval=1)
        seconds = time.perf_counter() - start
        history["training"].append(float(np.mean(trainer.loss_list[-steps:])))
        print(f"epoch {epoch:2}    loss {history['training'][-1]:7.3f}, {seconds:5.1f} s, "
              f"{steps * options.batch / seconds:,.0f} words/s", flush=True)  # fmt: skip

    if not all(np.isfinite(param).all() for param in model.params):
        raise UserError("training diverged: choose a smaller --lr")
    if backup:
        checkpoint.back_up(path)
    W_in, W_out = model.params
    settings = {key: getattr(options, key) for key in ("model", "embed", "window", "min_count")}
    tensors = {"word_vectors": W_in, "output": W_out}
    checkpoint.save(path, "word2vec", tensors, settings, {"epoch": options.epochs}, words)
    _show(unit_rows(W_in), words)
    print(f"\nvectors     {path}")
    print(f"curve       {plots.curves(folder / 'word2vec.png', 'Loss', 'loss', history)}")
    return 0


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


def _show(unit, words):
    ids = {word: k for k, word in enumerate(words)}
    queries = [word for word in QUERIES if word in ids]
    if len(queries) < len(QUERIES) // 2:
        queries = [word for word in words if len(word) > 4][: len(QUERIES)] or words[:5]
    print("\nnearest words:")
    for word in queries:
        near = nearest(unit, unit[ids[word]], [ids[word]], 6)
        print(f"  {word:12} {', '.join(words[k] for k in near)}")
    lines = []
    for line in ANALOGIES:
        if all(word in ids for word in line.split()):
            a, b, c = (ids[word] for word in line.split())
            near = nearest(unit, unit[b] - unit[a] + unit[c], [a, b, c], 4)
            question = f"{words[a]} is to {words[b]} as {words[c]} is to"
            lines.append(f"  {question}  {', '.join(words[k] for k in near)}")
    if lines:
        print("\nanalogies:", *lines, sep="\n")
