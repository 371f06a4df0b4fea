"""Task ``lm``: a language model on text; its checkpoint is the best epoch so far."""

import argparse
import math
import time

import numpy as np

from fastembed.models import RnnlmGen
from fastembed.optimizer import SGD
from fastembed.tasks import plots, text
from fastembed.tasks.checkpoint import Checkpoint, check, fill
from fastembed.tasks.values import OPTIONS, UserError, flag, integer, number
from fastembed.threads import get_num_threads
from fastembed.trainer import RnnlmTrainer

DEFAULTS = {
    "text": [],
    "resume": False,
    "embed": 100,
    "hidden": 100,
    "batch": 20,
    "steps": 35,
    "epochs": 6,
    "lr": 20.0,
    "max_grad": 0.25,
    "min_count": 2,
    "temperature": 0.6,
    "sample_words": 120,
    "compare": True,
}
PARAMETERS = ["embed.W", "lstm.Wx", "lstm.Wh", "lstm.b", "affine.W", "affine.b"]
SIZES = ["embed", "hidden", "min_count"]  # what the parameters' shapes hang on
PACE = ["batch", "steps", "max_grad"]  # what may change when training goes on
SLOW = 0.9  # an epoch that leaves more than this share of the perplexity divides the rate by 5


def run(options, given, say):
    """Train, sample, and write the files; return the sizes of a step where it is to be timed."""
    train, held_out = text.split(text.paragraphs(text.read(options.text)))
    file = Checkpoint(options.out, "lm", options.resume)
    if options.resume:
        adopt(options, given, file.old, file.path)
    words = text.vocabulary(train, options.min_count)
    if options.resume and words != file.old[3]:
        raise UserError(f"{file.path} was trained on another text; name the same text to go on")
    _check_length(options, train, held_out)
    if len(words) < 3:
        raise UserError(f"no word of the text comes --min-count {options.min_count} times")
    file.make_folder()

    say(f"text        {text.source(options.text)}")
    say(f"tokens      {len(train):,} to train on, {len(held_out):,} held out")
    say(f"vocabulary  {len(words):,} (seen {options.min_count} times or more)")
    np.random.seed(options.seed)
    training = Training(options, words, file, say)
    if options.resume:
        say(f"resumed     {file.path}: {training.epoch} epochs, perplexity {training.best:.1f}")
    model = training.model
    say(
        f"model       Rnnlm, embed {options.embed}, hidden {options.hidden}, "
        f"{sum(param.size for param in model.params):,} parameters"
    )
    say(
        f"training    {options.epochs} epochs, {options.batch} x {options.steps} words a step, "
        f"{get_num_threads()} threads"
    )
    training.train(text.encode(train, words), text.encode(held_out, words))
    if options.sample_words:
        model.reset_state()
        unknown, end = text.UNK_ID, text.EOS_ID
        temperature = options.temperature
        ids = model.generate(end, [unknown], options.sample_words + 1, temperature=temperature)
        say(f"\nsample (temperature {temperature:g}):")
        say(text.join([words[k] for k in ids[1:]]))
    picture = plots.curves(file.beside(".png"), "Perplexity", "perplexity", training.history)
    kept = f"epoch {training.best_epoch}, perplexity {training.best:.1f}"
    say(f"\nmodel       {file.path} ({kept})")
    say(f"curve       {picture}")
    sizes = {"V": len(words), "D": options.embed, "H": options.hidden}
    return options.compare and {**sizes, "N": options.batch, "T": options.steps}


def adopt(options, given, old, path):
    """Take the settings of the checkpoint; refuse given ones that do not fit its parameters."""
    tensors, settings, progress, words = old
    for name in SIZES + PACE:
        value = _value(path, settings, name, OPTIONS[name][0])
        if name not in given:
            setattr(options, name, value)
        elif name in SIZES and given[name] != value:
            raise UserError(f"{path} was trained with {flag(name)} {value}, not {given[name]}")
    V, D, H = len(words), options.embed, options.hidden
    shapes = (V, D), (D, 4 * H), (H, 4 * H), (4 * H,), (H, V), (V,)
    check(dict(zip(PARAMETERS, shapes, strict=True)), tensors, path)
    epoch = _value(path, progress, "epoch", integer(1))
    _value(path, progress, "best_epoch", integer(1, epoch))
    _value(path, progress, "best", number(0))
    lr = _value(path, progress, "lr", OPTIONS["lr"][0])
    history = progress.get("history")
    if type(history) is not dict or set(history) != {"training", "held out"}:
        raise UserError(f"{path} is damaged (it has no history)")
    for values in history.values():
        fits = type(values) is list and len(values) == epoch
        if not fits or not all(type(value) is float for value in values):
            raise UserError(f"{path} is damaged (its history is not one of {epoch} epochs)")
    if "lr" not in given:
        options.lr = lr


def _value(path, values, name, kind):
    """A number of a checkpoint, within the bounds of the option of that name."""
    value = values.get(name)
    try:
        return kind(str(value) if type(value) in (int, float) else type(value).__name__)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"{path} is damaged ({name} {error})") from None


def _check_length(options, train, held_out):
    need = options.batch * options.steps + 1
    if len(train) < need:
        raise UserError(
            f"the text is too short: {len(train)} tokens to train on, and a step of --batch "
            f"{options.batch} x --steps {options.steps} needs {need}"
        )
    if len(held_out) < 2:
        raise UserError(f"the text is too short: {len(held_out)} tokens held out")


def perplexity(model, ids, batch, steps):
    """Perplexity of a model on ids, each counted once; its state is reset before and after."""
    N = max(1, min(batch, (len(ids) - 1) // steps))
    T = (len(ids) - 1) // N
    xs, ts = (ids[k : k + N * T].reshape(N, T) for k in (0, 1))
    total = 0.0
    model.reset_state()
    for t in range(0, T, steps):
        part = slice(t, t + steps)
        total += model.forward(xs[:, part], ts[:, part]) * ts[:, part].size
    model.reset_state()
    with np.errstate(over="ignore"):  # where training diverges, exp has no limit
        return float(np.exp(total / ts.size))


class Training:
    """A model and where its training stands."""

    def __init__(self, options, words, file, say):
        self.options, self.words, self.file, self.say = options, words, file, say
        self.model = RnnlmGen(len(words), options.embed, options.hidden)
        self.lr = options.lr
        self.epoch = self.best_epoch = 0
        self.best = math.inf
        self.history = {"training": [], "held out": []}
        if options.resume:
            tensors, _, progress, _ = file.old
            fill(self.model.params, PARAMETERS, tensors, file.path)
            self.epoch, self.best_epoch = progress["epoch"], progress["best_epoch"]
            self.best, self.history = progress["best"], progress["history"]
        self.best_params = [param.copy() for param in self.model.params]

    def train(self, train, held_out):
        """Train for the epochs asked for; the model ends as the best epoch left it."""
        try:
            for _ in range(self.options.epochs):
                self._epoch(train, held_out)
        except KeyboardInterrupt:
            kept = "nothing is saved yet"
            if self.best_epoch:
                kept = f"{self.file.path} holds epoch {self.best_epoch}, --resume goes on from it"
            raise KeyboardInterrupt(f"; {kept}") from None

    def _epoch(self, train, held_out):
        o, lr = self.options, self.lr
        start = time.perf_counter()
        loss = self._steps(train)
        seconds = time.perf_counter() - start
        seen = math.exp(loss) if loss < 700 else math.inf  # NaN too
        ppl = perplexity(self.model, held_out, o.batch, o.steps)
        self.epoch += 1
        note = ""
        if ppl < self.best:
            if ppl > SLOW * self.best:
                self.lr /= 5
            self.best, self.best_epoch = ppl, self.epoch
            self.best_params = [param.copy() for param in self.model.params]
        elif self.best_epoch:
            self.lr /= 5
            note = f"  worse: back to epoch {self.best_epoch}"
            for param, value in zip(self.model.params, self.best_params, strict=True):
                param[...] = value
        else:
            raise UserError(f"training diverged (loss {loss:.3g}): choose a smaller --lr")
        self.history["training"].append(seen)
        self.history["held out"].append(ppl)
        self._save()
        self.say(
            f"epoch {self.epoch:2}    perplexity {ppl:6.1f} held out, {seen:6.1f} training   "
            f"lr {lr:<5.3g} {seconds:5.1f} s  {len(train) / seconds:9,.0f} words/s{note}"
        )

    def _steps(self, train):
        """One pass over the text; returns the mean loss."""
        o = self.options
        self.model.reset_state()
        trainer = RnnlmTrainer(self.model, SGD(self.lr), verbose=False)
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is seen by its perplexity
            trainer.fit(train[:-1], train[1:], 1, o.batch, o.steps, o.max_grad, eval_interval=1)
        return float(np.mean(trainer.loss_list))

    def _save(self):
        settings = {name: getattr(self.options, name) for name in SIZES + PACE}
        names = ("epoch", "best_epoch", "best", "lr", "history")
        progress = {name: getattr(self, name) for name in names}
        tensors = dict(zip(PARAMETERS, self.best_params, strict=True))
        self.file.save(tensors, settings, progress, self.words)
