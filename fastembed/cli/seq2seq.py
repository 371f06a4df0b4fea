"""Tasks ``addition`` and ``date``: an encoder reads a question, a decoder writes the answer."""

import time
from pathlib import Path

import numpy as np

from fastembed import get_num_threads
from fastembed.cli import checkpoint, plots, questions
from fastembed.cli.options import UserError

HELD_OUT = 1000  # questions that training never sees
SHOWN = 8


def answers(model, xs, start, count):
    """Ids (N, count) that a model answers to questions xs (N, T), the likeliest at each step."""
    h = model.encoder.forward(xs)
    ids = np.full((len(xs), 1), start, np.int32)
    for _ in range(count):
        scores = model.decoder.forward(ids, h)
        ids = np.concatenate([ids, scores[:, -1:].argmax(axis=2).astype(np.int32)], axis=1)
    return ids[:, 1:]


def run(task, make, options):
    """Train on questions that make gives, and answer some that training has not seen.

    Parameters
    ----------
    task : str
    make : callable
        ``make(count, rng)`` returns questions and answers.
    options : namespace

    Returns
    -------
    model, held-out questions (texts), xs (reversed ids), characters, files' folder
    """
    from fastembed import models
    from fastembed.optimizer import Adam
    from fastembed.trainer import Trainer

    if options.examples < options.batch:
        raise UserError(f"--examples {options.examples} is less than one --batch {options.batch}")
    folder = Path(options.out)
    path = folder / f"{task}.safetensors"
    backup = checkpoint.find(path, task) is not None
    checkpoint.output_folder(folder)
    rng = np.random.default_rng(options.seed)
    np.random.seed(options.seed)
    asked, answered = make(options.examples + HELD_OUT, rng)
    chars = sorted(set("".join(asked + answered) + " "))
    xs, ts = questions.encode(asked, chars), questions.encode(answered, chars)
    xs = xs[:, ::-1].copy()  # read backwards: the first character is nearest to the answer
    train_x, train_t, held_x, held_t = xs[HELD_OUT:], ts[HELD_OUT:], xs[:HELD_OUT], ts[:HELD_OUT]
    model = getattr(models, options.model)(len(chars), options.embed, options.hidden)
    print(f"questions   {len(train_x):,} to train on, {HELD_OUT:,} held out, "
          f"such as {asked[0]!r} -> {questions.decode(ts[0], chars)!r}")  # fmt: skip
    print(f"model       {options.model}, embed {options.embed}, hidden {options.hidden}, "
          f"{sum(param.size for param in model.params):,} parameters")  # fmt: skip
    print(f"training    {options.epochs} epochs of {len(train_x) // options.batch} steps of "
          f"{options.batch}, {get_num_threads()} threads", flush=True)  # fmt: skip

    optimizer = Adam(options.lr)
    trainer = Trainer(model, optimizer, verbose=False)
    history, best = {"held out": []}, -1.0
    for epoch in range(1, options.epochs + 1):
        # the rate falls to nothing: the last epochs settle what the first ones found
        optimizer.lr = options.lr * (1 - (epoch - 1) / options.epochs)
        start = time.perf_counter()
        trainer.fit(train_x, train_t, 1, options.batch, options.max_grad, eval_interval=1)
        seconds = time.perf_counter() - start
        loss = float(np.mean(trainer.loss_list[-(len(train_x) // options.batch) :]))
        if not np.isfinite(loss):
            raise UserError(f"training diverged (loss {loss:.3g}): choose a smaller --lr")
        guesses = answers(model, held_x, held_t[0, 0], held_t.shape[1] - 1)
        right = (guesses == held_t[:, 1:]).all(axis=1)
        history["held out"].append(float(100 * right.mean()))
        print(f"epoch {epoch:2}    {right.mean():6.1%} right of those held out, "
              f"loss {loss:.4f}, {seconds:5.1f} s", flush=True)  # fmt: skip
        if right.mean() > best:
            best = right.mean()
            if backup:
                checkpoint.back_up(path)
                backup = False
            tensors = {f"{k:02}": param.copy() for k, param in enumerate(model.params)}
            settings = {name: getattr(options, name) for name in ("model", "embed", "hidden")}
            checkpoint.save(path, task, tensors, settings, {"epoch": epoch}, chars)

    checkpoint.fill(model.params, list(tensors), tensors, path)  # the best epoch's, as in the file
    guesses = answers(model, held_x, held_t[0, 0], held_t.shape[1] - 1)
    print("\nanswers to questions held out:")
    width = max(map(len, asked[:SHOWN]))
    for k in range(SHOWN):
        guess, truth = (questions.decode(row, chars) for row in (guesses[k], held_t[k]))
        verdict = "right" if guess == truth else f"wrong: {truth}"
        print(f"  {asked[k]:{width}}  {guess:10}  {verdict}")
    picture = plots.curves(folder / f"{task}.png", "Answers that are right", "%", history)
    print(f"\nmodel       {path} ({best:.1%})")
    print(f"curve       {picture}")
    return model, asked, held_x, chars, folder
