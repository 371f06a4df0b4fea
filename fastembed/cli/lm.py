"""Task ``lm``: a language model on text; its checkpoint is the best epoch so far."""

import argparse
import math
import time
from pathlib import Path

import numpy as np

from fastembed import get_num_threads
from fastembed.cli import checkpoint, plots, step_time, text
from fastembed.cli.options import UserError, integer, number
from fastembed.cli.train import KINDS

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


def run(options, given):
    """Train, sample, and write the files; returns the exit status."""
    paras = text.paragraphs(text.read(options.text) if options.text else text.default_text())
    train, held_out = text.split(paras)
    folder = Path(options.out)
    path = folder / "lm.safetensors"
    old = checkpoint.load(path, "lm") if options.resume else checkpoint.find(path, "lm")
    if options.resume:
        _adopt(options, given, old, path)
    words = text.vocabulary(train, options.min_count)
    if options.resume and words != old[3]:
        raise UserError(f"{path} was trained on another text; name the same text to go on")
    _check_length(options, train, held_out)
    if len(words) < 3:
        raise UserError(f"no word of the text comes --min-count {options.min_count} times")
    checkpoint.output_folder(folder)

    source = ", ".join(options.text) or "the Python language reference (pydoc_data.topics)"
    print(f"text        {source}")
    print(f"tokens      {len(train):,} to train on, {len(held_out):,} held out")
    print(f"vocabulary  {len(words):,} (seen {options.min_count} times or more)")
    np.random.seed(options.seed)
    run = _Run(options, words, path, old)
    if options.resume:
        print(f"resumed     {path}: {run.epoch} epochs, perplexity {run.best:.1f}")
    print(
        f"model       Rnnlm, embed {options.embed}, hidden {options.hidden}, "
        f"{sum(param.size for param in run.model.params):,} parameters"
    )
    print(
        f"training    {options.epochs} epochs, {options.batch} x {options.steps} words a step, "
        f"{get_num_threads()} threads",
        flush=True,
    )
    run.train(text.encode(train, words), text.encode(held_out, words))
    _show(options, run)
    return 0


def _adopt(options, given, old, path):
    """Take the settings of the checkpoint; refuse given ones that do not fit its parameters."""
    tensors, settings, progress, words = old
    kept = {name: _value(path, settings, name, KINDS[name]) for name in SIZES + PACE}
    for name, value in kept.items():
        if name not in given:
            setattr(options, name, value)
        elif name in SIZES and given[name] != value:
            flag = "--" + name.replace("_", "-")
            raise UserError(f"{path} was trained with {flag} {value}, not {given[name]}")
    V, D, H = len(words), options.embed, options.hidden
    shapes = (V, D), (D, 4 * H), (H, 4 * H), (4 * H,), (H, V), (V,)
    checkpoint.check(dict(zip(PARAMETERS, shapes, strict=True)), tensors, path)
    epoch = _value(path, progress, "epoch", integer(1))
    _value(path, progress, "best_epoch", integer(1, epoch))
    _value(path, progress, "best", number(0))
    lr = _value(path, progress, "lr", KINDS["lr"])
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


def _columns(ids, batch):
    """Inputs and targets: ids as batch parallel streams, (batch, length) each."""
    length = (len(ids) - 1) // batch
    return ids[: batch * length].reshape(batch, -1), ids[1 : batch * length + 1].reshape(batch, -1)


def perplexity(model, ids, batch, steps):
    """Perplexity of a model on ids; its state is reset before and after."""
    xs, ts = _columns(ids, max(1, min(batch, (len(ids) - 1) // steps)))
    model.reset_state()
    total = 0.0
    for k in range(0, xs.shape[1], steps):
        part = slice(k, k + steps)
        total += model.forward(xs[:, part], ts[:, part]) * ts[:, part].size
    model.reset_state()
    return _exp(total / ts.size)


def _exp(loss):
    return math.exp(loss) if loss < 700 else math.inf  # NaN too


class _Run:
    """A model and where its training stands."""

    def __init__(self, options, words, path, old):
        from fastembed.models import Rnnlm

        self.options = options
        self.words = words
        self.path = path
        self.backup = old is not None and not options.resume
        self.model = Rnnlm(len(words), options.embed, options.hidden)
        self.lr = options.lr
        self.epoch = self.best_epoch = 0
        self.best = math.inf
        self.history = {"training": [], "held out": []}
        if options.resume:
            tensors, _, progress, _ = old
            checkpoint.fill(self.model.params, PARAMETERS, tensors, path)
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
                kept = f"{self.path} holds epoch {self.best_epoch}, --resume goes on from it"
            raise KeyboardInterrupt(f"; {kept}") from None

    def _epoch(self, train, held_out):
        o, lr = self.options, self.lr
        start = time.perf_counter()
        loss = self._steps(train)
        seconds = time.perf_counter() - start
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
        self.history["training"].append(_exp(loss))
        self.history["held out"].append(ppl)
        self._save()
        print(
            f"epoch {self.epoch:2}    perplexity {ppl:6.1f} held out, {_exp(loss):6.1f} training   "
            f"lr {lr:<5.3g} {seconds:5.1f} s  {len(train) / seconds:9,.0f} words/s{note}",
            flush=True,
        )

    def _steps(self, train):
        """One pass over the text; returns the mean loss."""
        from fastembed.optimizer import SGD
        from fastembed.trainer import RnnlmTrainer

        o = self.options
        self.model.reset_state()
        trainer = RnnlmTrainer(self.model, SGD(self.lr), verbose=False)
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is seen by its perplexity
            trainer.fit(train[:-1], train[1:], 1, o.batch, o.steps, o.max_grad, eval_interval=1)
        return float(np.mean(trainer.loss_list))

    def _save(self):
        if self.backup:
            checkpoint.back_up(self.path)
            self.backup = False
        o = self.options
        progress = {
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best": self.best,
            "lr": self.lr,
            "history": self.history,
        }
        checkpoint.save(
            self.path,
            "lm",
            dict(zip(PARAMETERS, self.best_params, strict=True)),
            {name: getattr(o, name) for name in SIZES + PACE},
            progress,
            self.words,
        )


def sample(model, start, count, temperature, banned):
    """Ids that a model writes after the id start, without the banned ids."""
    model.reset_state()
    ids = [start]
    for _ in range(count):
        scores = model.predict(np.array([[ids[-1]]], dtype=np.int32))[0, 0].astype(np.float64)
        scores[banned] = -np.inf
        if temperature == 0:
            ids.append(int(scores.argmax()))
            continue
        scores = (scores - scores.max()) / temperature
        p = np.exp(scores)
        ids.append(int(np.random.choice(len(p), p=p / p.sum())))
    model.reset_state()
    return ids[1:]


def _show(options, run):
    ids = sample(run.model, 1, options.sample_words, options.temperature, banned=[0])
    if ids:
        print(f"\nsample (temperature {options.temperature:g}):")
        print(text.join([run.words[k] for k in ids]))
    picture = plots.curves(run.path.with_name("lm.png"), "Perplexity", "perplexity", run.history)
    print(f"\nmodel       {run.path} (epoch {run.best_epoch}, perplexity {run.best:.1f})")
    print(f"curve       {picture}", flush=True)
    sizes = {"words": len(run.words)}
    sizes |= {name: getattr(options, name) for name in ("embed", "hidden", "batch", "steps")}
    if not options.compare:
        return
    try:
        ours, reference = step_time.compare(sizes, get_num_threads())
    except OSError as error:
        print(f"speed       not measured: {error}")
    else:
        print(
            f"speed       a training step takes {ours * 1e3:.1f} ms, with the plain NumPy layers "
            f"{reference * 1e3:.1f} ms: {reference / ours:.1f} times faster"
        )
