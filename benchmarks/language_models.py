"""Held-out bits per character of ``python -m fastembed train``, beside PyTorch and n-grams.

``python -m benchmarks.language_models [TEXT ...]`` trains a model on each text with the command's
defaults; PyTorch trains the same one with the same recipe for as many steps.
"""

import argparse
import contextlib
import math
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.markdown import table
from fastembed import models
from fastembed.cli.train import COMMON, LEVELS
from fastembed.tasks import checkpoint, lm
from fastembed.tasks.progress import Say
from fastembed.tasks.values import UserError, integer
from fastembed.text import Corpus

ORDERS = {"3-grams": 3, "5-grams": 5}  # of words and subwords the first is usual, of characters not
CONTENDERS = ("ours", "PyTorch", *ORDERS)
HEADER = ("text", "tokens to train on", "held out", "epochs", *CONTENDERS)
HEADER += tuple(f"ours / {name}" for name in CONTENDERS[1:])


class KneserNey:
    """n-grams with interpolated modified Kneser-Ney smoothing (Chen and Goodman, 1998).

    The highest order has the counts of the text, each lower one in how many contexts, one token
    longer, an n-gram stands; the lowest is mixed with equal shares for all V tokens.
    """

    def __init__(self, ids, order, V):
        self.order, self.V = order, V
        self.tables = []  # of each order: counts, sums by history, their discounted part, discounts
        for n in range(1, order + 1):
            if n < order:
                counts = Counter(gram[1:] for gram in set(_grams(ids, n + 1)))
            else:
                counts = Counter(_grams(ids, n))
            discounts = _discounts(Counter(counts.values()))
            sums, taken = Counter(), Counter()
            for gram, count in counts.items():
                sums[gram[:-1]] += count
                taken[gram[:-1]] += discounts[min(count, 3)]
            self.tables.append((counts, sums, taken, discounts))

    def probability(self, token, history):
        """Of a token after a history, a tuple; shorter ones stand at the beginning of a text."""
        p = 1 / self.V
        for n, (counts, sums, taken, discounts) in enumerate(self.tables):
            h = history[len(history) - n :]
            if len(history) < n or h not in sums:
                break
            count = counts.get((*h, token), 0)
            p = (count - discounts[min(count, 3)] + taken[h] * p) / sums[h]
        return p

    def loss(self, ids):
        """Mean loss (nats) of ids after the first one."""
        ids = tuple(ids)
        losses = (
            -math.log(self.probability(ids[k], ids[max(0, k - self.order + 1) : k]))
            for k in range(1, len(ids))
        )
        return sum(losses) / (len(ids) - 1)


def _grams(ids, n):
    return zip(*(ids[k:] for k in range(n)), strict=False)


def _discounts(numbers):
    """What is taken from counts of 0, 1, 2 and more, told by how many n-grams have each count."""
    Y = numbers[1] / max(1, numbers[1] + 2 * numbers[2])
    found = [0.0]
    for k in (1, 2, 3):
        D = k - (k + 1) * Y * numbers[k + 1] / max(1, numbers[k])
        found.append(D if numbers[k] and Y and 0 < D <= k else 0.5)  # too few to tell: half
    return found


def ours(options, folder):
    """Train as the command does; the corpus and the held-out perplexity after each epoch."""
    options.out = folder
    say = Say()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            lm.run(options, {}, say)
    finally:
        say.close()
    saved = checkpoint.load(Path(folder, "lm.safetensors"), "lm")
    return Corpus(Path(folder, "lm-corpus")), saved.training["progress"]["history"]["held out"]


def pytorch(options, corpus, epochs):
    """Held-out perplexity after each epoch of the same training, from the same parameters."""
    import torch
    from torch.nn.functional import dropout

    from benchmarks import torch_steps

    class Peer(torch_steps.BetterRnnlm):
        """With what `lm.Training` and `lm.perplexity` ask of a model."""

        tokenizer = corpus.tokenizer

        def reset_state(self):
            self.states = [None, None]

        def forward(self, xs, ts, train_flg=True):
            xs, ts = (torch.from_numpy(np.array(ids, np.int64)) for ids in (xs, ts))
            ones = torch.ones(*xs.shape, options.hidden)
            masks = [dropout(ones, options.dropout, train_flg) for _ in range(3)]
            with torch.set_grad_enabled(train_flg):
                loss = super().forward(xs, ts, *masks)
            return loss if train_flg else loss.item()

    np.random.seed(options.seed)
    torch.manual_seed(options.seed)
    V = corpus.tokenizer.vocab_size
    first = models.BetterRnnlm(V, options.embed, options.hidden, options.dropout)
    lm._begin(first, corpus)
    model = Peer(first)
    params = [param for param in model.parameters() if param.requires_grad]
    optimizer = torch.optim.AdamW(params, weight_decay=options.weight_decay)
    settings = optimizer.param_groups[0]
    run = lm.Training(None, options, None, model, optimizer, None, corpus=corpus)
    found = []
    for run.epoch in range(epochs):
        run.step = 0
        run.begin()
        for step, (x, t, _) in enumerate(run.batches()):
            run.step = step
            done = run.epoch * run.count + step
            # the book adds its 1e-7 before the bias of v is corrected, PyTorch after it
            settings |= {"lr": run.rate(), "eps": 1e-7 / math.sqrt(1 - 0.999 ** (done + 1))}
            optimizer.zero_grad()
            model(x, t).backward()
            torch.nn.utils.clip_grad_norm_(params, options.max_grad)
            optimizer.step()
        found.append(lm.perplexity(model, corpus.held_out, options.batch, options.steps))
        print(f"PyTorch, epoch {run.epoch + 1}: perplexity {found[-1]:.1f}", file=sys.stderr)
    return found


def measure(text, **options):
    """Of a list of files: corpus, number of epochs, contender -> bits per character."""
    options = SimpleNamespace(
        **{**COMMON, **lm.DEFAULTS, "sample_words": 0, **options, "text": text}
    )
    with tempfile.TemporaryDirectory() as folder:
        corpus, perplexities = ours(options, folder)
        losses = {"ours": math.log(min(perplexities))}
        with contextlib.suppress(ModuleNotFoundError):
            losses["PyTorch"] = math.log(min(pytorch(options, corpus, len(perplexities))))
        for name, order in ORDERS.items():
            grams = KneserNey(corpus.train.tolist(), order, corpus.tokenizer.vocab_size)
            losses[name] = grams.loss(corpus.held_out.tolist())
    bits = {name: corpus.bits_per_character(loss) for name, loss in losses.items()}
    return corpus, len(perplexities), bits


def line(name, corpus, epochs, bits):
    """A row of the table."""
    sizes = f"{len(corpus.train):,}", f"{len(corpus.held_out):,}"
    tokens = f"{sizes[0]} ({corpus.tokenizer.vocab_size:,} {corpus.tokenizer.level})"
    figures = [bits.get(who) for who in CONTENDERS]
    figures += [bits["ours"] / figure if figure else None for figure in figures[1:]]
    return name, tokens, sizes[1], str(epochs), *(f"{x:.3f}" if x else "" for x in figures)


def main(argv=None):
    """Return 0; 2 for a text that cannot be read."""
    parser = argparse.ArgumentParser("python -m benchmarks.language_models", description=__doc__)
    add = parser.add_argument
    add("text", nargs="*", metavar="TEXT", help="files or folders (default: the command's text)")
    add("--level", choices=LEVELS, help="tokens, where the command is not to choose")
    add("--epochs", type=integer(1), metavar="N", help="(default: as the command chooses)")
    add("--size", type=integer(1), default=lm.DEFAULTS["hidden"], metavar="N", help="embed, hidden")
    args = parser.parse_args(argv)
    options = {"level": args.level, "epochs": args.epochs, "embed": args.size, "hidden": args.size}
    lines = []
    try:
        for text in args.text or [None]:
            found = measure([text] if text else [], **options)
            lines.append(line(Path(text).name if text else "default", *found))
    except UserError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 2
    print(table(HEADER, lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
