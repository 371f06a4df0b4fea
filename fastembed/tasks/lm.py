"""Task ``lm``: a language model on text; the best epoch so far is what counts."""

import math

import numpy as np

from fastembed import models
from fastembed.optimizer import SGD
from fastembed.tasks import corpora, plots, training
from fastembed.tasks.checkpoint import Checkpoint
from fastembed.tasks.values import UserError
from fastembed.trainer import RnnlmTrainer

DEFAULTS = {
    **corpora.DEFAULTS,
    "model": "Rnnlm",
    "embed": 100,
    "hidden": 100,
    "batch": 20,
    "steps": 35,
    "epochs": 6,
    "lr": 20.0,
    "max_grad": 0.25,
    "temperature": 0.6,
    "sample_words": 120,
    "compare": False,
}
MODELS = ["Rnnlm"]
SLOW = 0.9  # an epoch that leaves more than this share of the perplexity divides the rate by 5


class Training(training.Training):
    """After an epoch that helped little the rate falls; after a worse one the best comes back."""

    unit = "token"
    measures = ("training", "held out")
    fixed = ("model", "embed", "hidden", "min_count", "level", "seed")
    settings = (*fixed, "batch", "steps", "max_grad")

    def __init__(self, *arguments, text, held_out):
        super().__init__(*arguments)
        o = self.options
        self.text, self.held_out = text, held_out
        self.count = (len(text) - 1) // (o.batch * o.steps)
        self.uniform = math.log(self.model.tokenizer.vocab_size)

    def size(self):
        return self.count * self.options.batch * self.options.steps

    def begin(self):
        self.model.reset_state()

    def batches(self):
        o = self.options
        reader = RnnlmTrainer(self.model, self.optimizer)
        reader.time_idx = self.step * o.steps
        for _ in range(self.step, self.count):
            x, t = reader.get_batch(self.text[:-1], self.text[1:], o.batch, o.steps)
            yield x, t, x.size

    def judge(self, loss):
        ppl = perplexity(self.model, self.held_out, self.options.batch, self.options.steps)
        if self._is_bad(math.log(ppl)):
            return self._diverged(loss)
        note = self._note(loss, ppl)
        if ppl < self.best:
            if ppl > SLOW * self.best:
                self.lr /= 5
            self.best, self.best_epoch, self.best_params = ppl, self.epoch + 1, None
        else:
            self._return()
            note += f", worse: back to epoch {self.best_epoch}"
        return note

    def go_back(self):
        self._note(math.inf, math.inf)
        return self._return()

    def _note(self, loss, ppl):
        seen = math.exp(loss) if loss < 700 else math.inf
        self.history["training"].append(seen)
        self.history["held out"].append(ppl)
        return f"perplexity {ppl:6.1f} held out, {seen:6.1f} training"

    def _return(self):
        if not self.best_epoch:
            return False
        self.lr /= 5
        self.use_best()
        return True


def run(options, given, say):
    """Train, sample, and write the files; return the sizes of a step where it is to be timed."""
    file = Checkpoint("lm", options.out, options.resume, options.force)
    if file.saved:
        training.adopt(Training, options, given, file)
    with file.folder():
        corpus = corpora.read(options, file)
        train, held_out, tokenizer = corpus.train, corpus.held_out, corpus.tokenizer
        _check_length(options, train, held_out)
    options.level = tokenizer.level
    np.random.seed(options.seed)
    sizes = {"wordvec_size": options.embed, "hidden_size": options.hidden}
    if file.saved:
        model = training.made(file, MODELS, options, sizes)
    else:
        kind = getattr(models, options.model)
        model = kind(tokenizer.vocab_size, **sizes)
        model.tokenizer = tokenizer
    run = Training(
        file, options, say, model, SGD(options.lr), corpus.digest,
        text=train, held_out=held_out,
    )  # fmt: skip
    if file.saved:
        run.restore(given)
    say.log_to(file.beside(".log"))
    say("\n".join(corpus.report))
    if file.saved:
        say(f"resumed     {file.path}: {run.epoch} epochs and {run.step} of {run.count:,} steps")
    say(f"model       {training.described(model, options)}")
    say(training.plan(run))
    run.run()

    run.use_best()
    if options.sample_words:
        say(f"\nsample (temperature {options.temperature:g}):")
        say(model.generate("", None, options.sample_words + 1, temperature=options.temperature))
    if run.epoch:
        picture = plots.curves(file.beside(".png"), "Perplexity", "perplexity", run.history)
        say(f"\ncurve       {picture}")
    best = f" (epoch {run.best_epoch}, perplexity {run.best:.1f})" if run.best_epoch else ""
    say(f"model       {file.path}{best}")
    say(f"use it      python -m fastembed generate {file.path}")
    sizes = {"V": tokenizer.vocab_size, "D": options.embed, "H": options.hidden}
    return options.compare and {**sizes, "N": options.batch, "T": options.steps}


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
        total += model.forward(xs[:, part], ts[:, part], train_flg=False) * ts[:, part].size
    model.reset_state()
    with np.errstate(over="ignore"):  # where training diverges, exp has no limit
        return float(np.exp(total / ts.size))
