"""How every task trains: steps that can be stopped after any one, and gone on with as if not."""

import argparse
import math
import signal
import time
from contextlib import contextmanager

import numpy as np

from fastembed import models
from fastembed.tasks import checkpoint
from fastembed.tasks.progress import Progress
from fastembed.tasks.values import OPTIONS, Diverged, Stopped, UserError, flag, integer, number
from fastembed.text.tokenizer import KINDS
from fastembed.threads import get_num_threads
from fastembed.trainer import remove_duplicate, train_step

SAVE_EVERY = 300  # seconds
PACE = ["batch", "steps"]  # of an epoch
ADDED = {"label_smoothing": 0.0}  # settings that files of earlier versions do not have
WORDS = {"model": models.__all__, "level": list(KINDS)}
# the mean loss of so many steps tells that training diverges: it is that of a model which gives
# what comes a tenth of the probability that chance alone would
STEPS, WORSE = 50, math.log(10)
RATE = "learning rate"  # of an epoch's last step, in history


class Training:
    """A model on its way: epochs of steps, judged at their ends; all of it can be saved.

    ``epoch`` counts finished epochs, ``step`` the steps of the one that is not. A task fills in
    ``batches()``, the x, t of the present epoch, from ``step`` on, and how many units each has;
    ``size()``, the units in an epoch; ``rate()``, the learning rate of the present step; and
    ``judge(loss)``: after an epoch with this mean loss, it notes what it is worth, and returns what
    is said of it.
    """

    unit = "example"
    measures = ()  # what `judge` notes in history
    settings = ()  # options that are saved, and taken from the file when training goes on
    fixed = ()  # of them, those that cannot change then
    count = 0  # steps in an epoch
    uniform = math.inf  # loss of a model that knows nothing

    def __init__(self, file, options, say, model, optimizer, data):
        self.file, self.options, self.say = file, options, say
        self.model, self.optimizer = model, optimizer
        self.data = data  # what identifies the examples: JSON
        self.epoch = self.step = self.best_epoch = 0
        self.best, self.until, self.lr = math.inf, options.epochs, options.lr
        self.best_params = None  # None: the model's own
        self.total, self.seconds = 0.0, 0.0  # of the epoch: sum of losses, time
        self.recent, self.steps = 0.0, 0
        self.measures = (*self.measures, RATE, f"{self.unit}s/s")
        self.history = {name: [] for name in self.measures}
        self.max_grad = getattr(options, "max_grad", None)

    # ---- what a task may do otherwise

    def begin(self):
        """Before the first step of an epoch."""

    def learn(self, x, t):
        """Learn a batch; returns its loss."""
        return train_step(self.model, self.optimizer, x, t, self.max_grad)

    # ---- the loop

    def run(self):
        """Train until all epochs are done; `Stopped`, with all saved, after Ctrl-C or SIGTERM."""
        progress = None
        try:
            with _interrupts() as interrupts, np.errstate(over="ignore", invalid="ignore"):
                while self.epoch < self.until:
                    if progress is None:
                        done = self.epoch * self.size() + self._units_before()
                        progress = Progress(self.say, self.until * self.size(), done, self.unit)
                    self._epoch(progress, interrupts)
        finally:
            if progress is not None:
                progress.close()

    def _units_before(self):
        return self.size() * self.step // self.count

    def _epoch(self, progress, interrupts):
        if self.step == 0:
            self.begin()
        if self.best_epoch and self.best_params is None:
            self.best_params = [param.copy() for param in self.model.params]
        label, saved = f"epoch {self.epoch + 1:2}", time.monotonic()
        begun, before = time.monotonic(), self.seconds
        diverges, lr = False, self.rate()
        for x, t, units in self.batches():
            lr = self.optimizer.lr = self.rate()
            loss = float(self.learn(x, t))
            self.step += 1
            self.steps += 1
            self.total += loss
            self.recent += (loss - self.recent) / min(self.steps, STEPS)
            self.seconds = before + time.monotonic() - begun
            progress.update(units, label, self.recent)
            diverges = not math.isfinite(loss) or (
                self.steps >= STEPS and self._is_bad(self.recent)
            )
            if diverges:
                break
            interrupted = bool(interrupts)  # asked once: one may come meanwhile
            if interrupted or time.monotonic() - saved > SAVE_EVERY:
                self.save()
                saved = time.monotonic()
            if interrupted:
                self._interrupted(interrupts)
        loss = self.total / max(1, self.step)
        if diverges or self._is_bad(loss):
            self._diverged(loss)
        note = self.judge(loss)
        units = self._units_before()
        self.epoch, self.step, self.total = self.epoch + 1, 0, 0.0
        self.steps = 0
        speed, seconds = units / max(self.seconds, 1e-9), self.seconds
        self.seconds = 0.0
        for name, value in zip(self.measures[-2:], (lr, speed), strict=True):
            self.history[name].append(float(value))
        self.save()
        self.say(f"{label}    {note}, lr {lr:.3g}, {seconds:.1f} s, {speed:,.0f} {self.unit}s/s")
        if interrupts:
            self._interrupted(interrupts)

    def done(self):
        """The share of all steps that are done."""
        return (self.epoch + self.step / self.count) / self.until

    def _is_bad(self, loss):
        return not loss <= self.uniform + WORSE

    def _diverged(self, loss):
        kept = f"; {self.file.path} holds epoch {self.best_epoch}" if self.best_epoch else ""
        raise Diverged(f"training diverged (loss {loss:.3g}): choose a smaller --lr{kept}")

    def _interrupted(self, signals):
        raise Stopped(
            signals[0],
            f"; {self.file.path} holds what was trained in {self.epoch} epochs and {self.step} of "
            f"{self.count} steps, --resume goes on from it",
        )

    def use_best(self):
        """Let the model be what the best epoch left."""
        if self.best_params is not None:
            for param, best in zip(self.model.params, self.best_params, strict=True):
                param[...] = best
            self.best_params = None

    # ---- to the file and back

    def save(self):
        """Write the best model and where training stands."""
        model, state = self.model, {}
        if self.best_params is not None:
            state |= {f"param{k}": param for k, param in enumerate(model.params)}
        for name in self.optimizer.states:
            arrays = getattr(self.optimizer, name) or []
            state |= {f"{name}{k}": array for k, array in enumerate(arrays)}
        for k, layer in enumerate(getattr(model, "_recurrent", [])):
            parts = {f"state{k}.{part}": getattr(layer, part) for part in layer.state}
            state |= {name: array for name, array in parts.items() if array is not None}
        names = "epoch step steps best best_epoch until lr total seconds recent history data"
        progress = {name: getattr(self, name) for name in names.split()}
        kind, keys, *rest = np.random.get_state()
        progress |= {"random": [kind, keys.tolist(), *rest]}
        progress |= {"iter": getattr(self.optimizer, "iter", 0)}
        options = vars(self.options)
        settings = {name: options[name] for name in self.settings if name in options}
        params, file = self.best_params or model.params, self.file
        checkpoint.save(file.path, file.task, model, params, state, settings, progress)

    def restore(self, given):
        """Go on from where the file says that training stood."""
        saved, path = self.file.saved, self.file.path
        progress = saved.training["progress"]
        if progress.get("data") != self.data:
            raise UserError(f"{path} was trained on another text; name the same to go on")
        settings = saved.training["settings"]
        if any(given.get(name, settings.get(name)) != settings.get(name) for name in PACE):
            # an epoch has other steps now: the unfinished one begins anew
            progress |= {"step": 0, "total": 0.0, "seconds": 0.0}
        for name, kind in {
            "epoch": integer(0), "step": integer(0, self.count), "steps": integer(0),
            "until": integer(0), "lr": number(0, above=True), "best": number(-math.inf),
            "total": number(0), "seconds": number(0), "recent": number(0), "iter": integer(0),
        }.items():  # fmt: skip
            setattr(self, name, value(path, progress, name, kind))
        self.best_epoch = value(path, progress, "best_epoch", integer(0, self.epoch))
        self.history = progress.get("history")
        is_one = type(self.history) is dict and set(self.measures) == set(self.history)
        lists = self.history.values() if is_one else ()
        if not (
            is_one
            and all(type(values) is list and len(values) == self.epoch for values in lists)
            and all(type(one) is float for values in lists for one in values)
        ):
            raise UserError(f"{path} is damaged (its history is not one of {self.epoch} epochs)")
        try:
            np.random.set_state(tuple(progress.get("random", ())))
            self._restore_arrays(
                {name.partition(".")[2]: array for name, array in saved.others.items()}
            )
        except (IndexError, OverflowError, TypeError, ValueError) as error:
            raise UserError(f"{path} is damaged ({' '.join(str(error).split())[:200]})") from None
        if "lr" in given:
            self.lr = given["lr"]
        if "epochs" in given:
            self.until = self.epoch + given["epochs"]

    def _restore_arrays(self, arrays):
        model = self.model
        if "param0" in arrays:
            self.best_params = [param.copy() for param in model.params]
            model._fill(self.file.path, _numbered(arrays, "param"))
        params, _ = remove_duplicate(model.params, model.grads)
        for name in self.optimizer.states:
            found = [array.copy() for array in _numbered(arrays, name)]
            if found and [a.shape for a in found] != [p.shape for p in params]:
                raise ValueError(f"its {name} do not fit the parameters")
            setattr(self.optimizer, name, found or None)
        if hasattr(self.optimizer, "iter"):
            self.optimizer.iter = self.iter
        for k, layer in enumerate(getattr(model, "_recurrent", [])):
            for part in layer.state:
                array = arrays.get(f"state{k}.{part}")
                width = layer.params[1].shape[0]
                if array is not None and array.shape != (self.options.batch, width):
                    if self.step:
                        raise ValueError(f"its state {part} has shape {array.shape}")
                    array = None
                setattr(layer, part, None if array is None else array.copy())


def _numbered(arrays, name):
    """The arrays name0, name1, …"""
    found = []
    while f"{name}{len(found)}" in arrays:
        found.append(arrays[f"{name}{len(found)}"])
    return found


def warm_cosine(done, warmup):
    """What a rate is multiplied by: a share of training later (arXiv:1608.03983, one cycle).

    It rises linearly in the first ``warmup`` of it, then falls as a cosine, to nearly nothing.
    """
    if done < warmup:
        return max(done / warmup, 0.01)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2


def stop(number, frame):
    """A signal's handler: ends what runs."""
    raise Stopped(number)


@contextmanager
def handled(handler, *numbers):
    """Have a handler of signals that nobody else handles."""
    before = {}
    try:
        for number in numbers:
            if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL, stop):
                before[number] = signal.signal(number, handler)
    except ValueError:  # not in the main thread, where no signal comes
        pass
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def _interrupts():
    """A list of the signals that came, Ctrl-C or SIGTERM: the step that runs is finished first.

    A second one interrupts at once.
    """
    came = []

    def note(number, frame):
        if came:
            stop(number, frame)
        came.append(number)

    with handled(note, signal.SIGINT, signal.SIGTERM):
        yield came


# ---- settings of a file


def made(file, kinds, options, tokenizer, sizes, **given):
    """A new model of these sizes, or that of the file, as its best epoch left it.

    Of the kinds, it is the one of the options; what is given besides, only a new one needs.
    """
    np.random.seed(options.seed)
    if file.saved:
        model = _saved(file, kinds, options, sizes)
    else:
        model = getattr(models, options.model)(tokenizer.vocab_size, **sizes, **given)
        model.tokenizer = tokenizer
    if hasattr(options, "label_smoothing"):
        loss = model.loss_layer if hasattr(model, "loss_layer") else model.softmax
        loss.label_smoothing = options.label_smoothing
    return model


def _saved(file, kinds, options, sizes):
    name, arguments = file.saved.made_by
    if name != options.model or name not in kinds:
        raise UserError(f"{file.path} is damaged (it holds a {name!r:.50}, not one of {kinds})")
    if {key: arguments.get(key) for key in sizes} != sizes:
        raise UserError(f"{file.path} is damaged (its model has other sizes than its settings)")
    with checkpoint.reading(file.path):
        return file.saved.make(getattr(models, name))


def guess_by_frequency(affine, ids):
    """Let an output layer guess tokens by their frequency, before it learns: most never come."""
    b = affine.params[1]
    counts = np.bincount(ids, minlength=len(b)) + 0.1
    b[...] = np.log(counts / counts.sum())


def described(model, options):
    """The model's kind and sizes, in words."""
    size = sum(param.size for param in remove_duplicate(model.params, model.grads)[0])
    return (
        f"{type(model).__name__}, embed {options.embed}, hidden {options.hidden}, "
        f"{size:,} parameters"
    )


def adopt(kind, options, given, file):
    """Take the settings of the file where none are given; refuse given ones that do not fit it."""
    settings, path = {**ADDED, **file.saved.training["settings"]}, file.path
    for name in kind.settings:
        if not hasattr(options, name):  # not of this task
            continue
        found = settings.get(name)
        if name in WORDS:
            if found not in WORDS[name]:
                raise UserError(f"{path} is damaged (its {name} is {found!r:.50})")
        else:
            found = value(path, settings, name, OPTIONS[name][0])
        if name not in given:
            setattr(options, name, found)
        elif name in kind.fixed and given[name] != found:
            raise UserError(f"{path} was trained with {flag(name)} {found}, not {given[name]}")


def value(path, values, name, kind):
    """A number of a file, within the bounds of an option's kind."""
    found = values.get(name)
    if type(found) is float and math.isinf(found) and name == "best":
        return found  # nothing has been judged
    try:
        return kind(str(found) if type(found) in (int, float) else type(found).__name__)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"{path} is damaged ({name} {error})") from None


def epochs_left(training):
    left = training.until - training.epoch
    return f"{left} epoch{'s' * (left != 1)}"


def plan(training):
    """A line about what is going to happen."""
    return (
        f"training    {epochs_left(training)} of {training.count:,} steps, "
        f"batch {training.options.batch}, {get_num_threads()} threads"
    )
