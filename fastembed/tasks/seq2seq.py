"""Tasks ``addition`` and ``date``: an encoder reads a question, a decoder writes the answer."""

from functools import partial

import numpy as np

from fastembed import models
from fastembed.tasks import plots, questions, training
from fastembed.tasks.checkpoint import Checkpoint, fill
from fastembed.tasks.values import UserError

HELD_OUT = 1000  # questions that training never sees
SHOWN, DRAWN = 8, 3  # answers that are told, attention maps
ADDITION = {
    "model": "PeekySeq2seq",
    "examples": 45000,
    "embed": 16,
    "hidden": 128,
    "batch": 128,
    "epochs": 6,
    "lr": 0.004,
    "max_grad": 5.0,
}
DATE = ADDITION | {"model": "AttentionSeq2seq", "examples": 20000, "batch": 64, "epochs": 4}


def answers(model, xs, start, count):
    """Ids (N, count) that a model answers to questions xs (N, T), the likeliest at each step."""
    h = model.encoder.forward(xs)
    ids = np.full((len(xs), 1), start, np.int32)
    for _ in range(count):
        scores = model.decoder.forward(ids, h)
        ids = np.concatenate([ids, scores[:, -1:].argmax(axis=2).astype(np.int32)], axis=1)
    return ids[:, 1:]


def run(task, make, options, given, say):
    """Train on questions that ``make(count, rng)`` gives, answer some others, write the files."""
    if options.examples < options.batch:
        raise UserError(f"--examples {options.examples} is less than one --batch {options.batch}")
    file = Checkpoint(options.out, task)
    file.make_folder()
    rng = np.random.default_rng(options.seed)
    np.random.seed(options.seed)
    asked, answered = make(options.examples + HELD_OUT, rng)
    chars = sorted(set("".join(asked + answered) + " "))
    xs, ts = questions.encode(asked, chars), questions.encode(answered, chars)
    xs = xs[:, ::-1].copy()  # read backwards: the first character is nearest to the answer
    train_x, train_t, held_x, held_t = xs[HELD_OUT:], ts[HELD_OUT:], xs[:HELD_OUT], ts[:HELD_OUT]
    model = getattr(models, options.model)(len(chars), options.embed, options.hidden)
    size = sum(param.size for param in model.params)
    example = f"{asked[0]!r} -> {questions.decode(ts[0], chars)!r}"
    say(f"questions   {len(train_x):,} to train on, {HELD_OUT:,} held out, such as {example}")
    say(
        f"model       {options.model}, embed {options.embed}, hidden {options.hidden}, "
        f"{size:,} parameters"
    )
    say(training.plan(options, len(train_x)))

    history, best = [], -1.0
    for epoch, loss, seconds in training.epochs(model, train_x, train_t, options, options.max_grad):
        guesses = answers(model, held_x, held_t[0, 0], held_t.shape[1] - 1)
        right = (guesses == held_t[:, 1:]).all(axis=1).mean()
        history.append(float(100 * right))
        say(f"epoch {epoch:2}    {right:6.1%} right of those held out, loss {loss:.4f}, "
            f"{seconds:5.1f} s")  # fmt: skip
        if right > best:
            best, kept = right, guesses
            tensors = {f"{k:02}": param.copy() for k, param in enumerate(model.params)}
            settings = {name: getattr(options, name) for name in ("model", "embed", "hidden")}
            file.save(tensors, settings, {"epoch": epoch}, chars)

    say("\nanswers to questions held out:")
    width = max(map(len, asked[:SHOWN]))
    for k in range(SHOWN):
        guess, truth = (questions.decode(row, chars) for row in (kept[k], held_t[k]))
        verdict = "right" if guess == truth else f"wrong: {truth}"
        say(f"  {asked[k]:{width}}  {guess:10}  {verdict}")
    picture = plots.curves(
        file.beside(".png"), "Answers that are right", "%", {"held out": history}
    )
    say(f"\nmodel       {file.path} ({best:.1%})")
    say(f"curve       {picture}")
    if task == "date" and options.model == "AttentionSeq2seq":
        fill(model.params, list(tensors), tensors, file.path)  # the best epoch's, as in the file
        examples = [_looked_at(model, held_x[[k]], held_t[0, 0], chars) for k in range(DRAWN)]
        say(f"attention   {plots.attention(file.beside('-attention.png'), examples)}")


def _looked_at(model, xs, start, chars):
    """A question, its answer, and what the decoder looked at for each character of the answer."""
    (guess,) = answers(model, xs, start, 10)
    weights = [row[0][::-1] for row in model.decoder.attention.attention_weights]
    return [chars[c] for c in xs[0, ::-1]], [chars[c] for c in guess], weights


addition = partial(run, "addition", questions.additions)
date = partial(run, "date", questions.dates)
