"""Task ``lm``: a language model on text; the best epoch is what counts."""

import math
import shutil
import tempfile

import numpy as np

from fastembed.optimizer import AdamW
from fastembed.tasks import plots, training
from fastembed.tasks.checkpoint import Checkpoint
from fastembed.tasks.values import UserError, flag
from fastembed.text import Corpus, find
from fastembed.trainer import RnnlmTrainer

DEFAULTS = {
    "text": [],
    "level": None,
    "min_count": 2,
    "encoding": None,
    "column": None,
    "model": "BetterRnnlm",
    "embed": 128,
    "hidden": 128,
    "batch": None,  # None: chosen by the text's size
    "steps": 35,
    "epochs": None,
    "lr": 0.008,
    "warmup": 0.05,
    "weight_decay": None,
    "dropout": 0.25,
    "patience": None,
    "label_smoothing": 0.0,
    "max_grad": 1.0,
    "temperature": 0.6,
    "sample_words": 120,
    "compare": False,
}
MODELS = ["BetterRnnlm", "Rnnlm"]
# what makes a model good is how many steps it learns, and so a short text is read more often
WANTED = 6000  # steps
FEWEST, MOST = 4, 100  # epochs
WAIT = 1000  # steps without progress that end training, and two epochs at least
# tokens; of fewer a model learns too much by heart: its weights decay more, and its steps are
# smaller, so that as many take half the time
SMALL = 1_000_000
STREAM = 5000  # held-out tokens that are read in one go, at least: who begins knows nothing


class Training(training.Training):
    """The rate rises, then falls as a cosine does; epochs that don't help end it early.

    Each epoch begins elsewhere in the text: no two cut it into the same pieces.
    """

    unit = "token"
    measures = ("training", "held out")
    fixed = ("model", "embed", "hidden", "dropout", "min_count", "level", "seed")
    settings = (*fixed, "batch", "steps", "max_grad", "warmup", "weight_decay", "patience")
    settings += ("label_smoothing",)

    def __init__(self, *arguments, corpus):
        super().__init__(*arguments)
        o = self.options
        self.text, self.corpus = corpus.train, corpus
        self.count = (len(self.text) - 1) // (o.batch * o.steps)
        self.uniform = math.log(self.model.tokenizer.vocab_size)

    def size(self):
        return self.count * self.options.batch * self.options.steps

    def begin(self):
        self.model.reset_state()

    def batches(self):
        o = self.options
        reader = RnnlmTrainer(self.model, self.optimizer)
        start = np.random.default_rng([o.seed, self.epoch]).integers(len(self.text))
        reader.time_idx = int(start) + self.step * o.steps
        for _ in range(self.step, self.count):
            x, t = reader.get_batch(self.text[:-1], self.text[1:], o.batch, o.steps)
            yield x, t, x.size

    def rate(self):
        return self.lr * training.warm_cosine(self.done(), self.options.warmup)

    def judge(self, loss):
        o = self.options
        ppl = perplexity(self.model, self.corpus.held_out, o.batch, o.steps)
        bits = math.log(ppl)
        if self._is_bad(bits):
            return self._diverged(loss)
        seen = math.exp(loss) if loss < 700 else math.inf
        self.history["training"].append(seen)
        self.history["held out"].append(ppl)
        note = f"perplexity {ppl:6.1f} held out, {seen:6.1f} training"
        note += f", {self.corpus.bits_per_character(bits):.3f} bits per character"
        if ppl < self.best:
            self.best, self.best_epoch, self.best_params = ppl, self.epoch + 1, None
        elif self.epoch + 1 - self.best_epoch >= o.patience:
            self.until = self.epoch + 1
            note += ": no better any more, so this is the end"
        return note


def run(options, given, say):
    """Train, sample, and write the files; return the sizes of a step where it is to be timed."""
    file = Checkpoint("lm", options.out, options.resume, options.force)
    if file.saved:
        training.adopt(Training, options, given, file)
    sizes = _sizes(options, given)
    with file.folder():
        corpus = read(options, file)
        tokenizer = corpus.tokenizer
        chosen = choose(options, len(corpus.train)) if not file.saved else None
        _check_length(options, corpus.train, corpus.held_out)
    options.level = tokenizer.level
    model = training.made(file, MODELS, options, tokenizer, sizes)
    if not file.saved:
        _begin(model, corpus)
    optimizer = AdamW(options.lr, weight_decay=options.weight_decay)
    run = Training(file, options, say, model, optimizer, corpus.digest, corpus=corpus)
    if file.saved:
        run.restore(given)
    say.log_to(file.beside(".log"))
    say("\n".join(corpus.report))
    if file.saved:
        say(f"resumed     {file.path}: {run.epoch} epochs and {run.step} of {run.count:,} steps")
    say(f"model       {training.described(model, options)}")
    say(training.plan(run))
    if chosen:
        say(f"chosen      {chosen}")
    run.run()

    run.use_best()
    if options.sample_words:
        say(f"\nsample (temperature {options.temperature:g}):")
        say(model.generate("", None, options.sample_words + 1, temperature=options.temperature))
    if run.epoch:
        picture = plots.training(file.beside(".png"), "perplexity", run)
        say(f"\ncurve       {picture}")
    best = f" (epoch {run.best_epoch}, perplexity {run.best:.1f})" if run.best_epoch else ""
    say(f"model       {file.path}{best}")
    say(f"use it      python -m fastembed generate {file.path}")
    sizes = {"V": tokenizer.vocab_size, "D": options.embed, "H": options.hidden}
    sizes |= {"N": options.batch, "T": options.steps}
    return options.compare and (options.model, sizes)


TASKS = {"lm": (run, DEFAULTS)}


def read(options, file):
    """The text that is asked for; where training goes on, it must be that of the model."""
    place = file.beside("-corpus")
    if file.saved and not options.text and place.exists():
        return Corpus(place)
    texts = find(options.text, column=options.column, encoding=options.encoding)
    sizes = {"level": options.level, "min_count": options.min_count}
    if file.saved is None:
        return Corpus.make(texts, place, **sizes)
    with tempfile.TemporaryDirectory(dir=file.path.parent, prefix=".corpus.") as other:
        found = Corpus.make(texts, other, tokenizer=file.saved.tokenizer, **sizes)
        if found.digest != file.saved.training["progress"].get("data"):
            raise UserError(f"{file.path} was trained on another text; name the same to go on")
        shutil.copytree(other, place, dirs_exist_ok=True)  # what is there may be damaged
    return Corpus(place)


def _sizes(options, given):
    """What the model is made with, beside its vocabulary."""
    tied = options.model == "BetterRnnlm"
    if tied and ("embed" in given) != ("hidden" in given):  # one is told, and meant for both
        options.embed = options.hidden = given.get("embed") or given["hidden"]
    if tied and options.embed != options.hidden:
        raise UserError(
            f"--embed {options.embed} and --hidden {options.hidden} must be equal: BetterRnnlm "
            "has one matrix for embedding and output"
        )
    sizes = {"wordvec_size": options.embed, "hidden_size": options.hidden}
    return sizes | ({"dropout_ratio": options.dropout} if tied else {})


def choose(options, tokens):
    """Choose by the text's size what was not asked for; returns what and why, in words."""
    o, told = options, []

    def pick(name, value, why=""):
        if getattr(o, name) is None:
            setattr(o, name, value)
            told.append(f"{flag(name)} {value:g}{why}")

    pick("batch", max(1, min(10 if tokens < SMALL else 20, tokens // (8 * o.steps))))
    count = max(1, (tokens - 1) // (o.batch * o.steps))
    epochs = min(max(FEWEST, -(-WANTED // count)), MOST)
    pick("epochs", epochs, f" ({epochs * count:,} steps)")
    pick("weight_decay", 0.1 if tokens < SMALL else 0.01)
    pick("patience", max(2, -(-WAIT // count)))
    return f"{', '.join(told)}: for {tokens:,} tokens" if told else None


def _begin(model, corpus):
    """Begin where learning is quick: tokens are guessed by their frequency, memory is kept.

    The book's start, vectors of hundredths and no bias, takes two epochs of this text to get here.
    """
    training.guess_by_frequency(model.layers[-1], corpus.train)
    model.layers[0].params[0][...] *= 10
    for layer in model._recurrent:
        layer.params[2][: len(layer.params[1])] = 1.0  # the forget gates'


def _check_length(options, train, held_out):
    need = options.batch * options.steps + 1
    if len(train) < need:
        raise UserError(
            f"the text is too short: {len(train)} tokens to train on, and a step of --batch "
            f"{options.batch} x --steps {options.steps} needs {need}: smaller ones, --level char, "
            "or more text"
        )
    if len(held_out) < 2:
        raise UserError(f"the text is too short: {len(held_out)} tokens held out")


def perplexity(model, ids, batch, steps):
    """Perplexity of a model on ids, each counted once; its state is reset before and after.

    They are read as up to batch streams side by side, but for short ones.
    """
    N = max(1, min(batch, (len(ids) - 1) // max(steps, STREAM)))
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
