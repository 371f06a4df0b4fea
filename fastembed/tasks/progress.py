"""What a run tells: lines on standard output and in a log file, and how far it has come."""

import contextlib
import sys
import time

from tqdm.auto import tqdm

from fastembed._errors import UserError, as_user_error
from fastembed._files import whole
from fastembed.trainer import shows_bars

EVERY = 30  # seconds from one line about progress to the next


class Say:
    """Tells lines on standard output and, once it knows its path, in a log file."""

    def __init__(self):
        self.file = self.bar = None
        self.waiting = []

    def __call__(self, text=""):
        if self.bar is None:
            print(text, flush=True)
        else:
            self.bar.write(text, file=sys.stdout)
        self.note(text)

    def note(self, text):
        """Only in the log file."""
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        self.waiting += [f"{now}  {line}\n" for line in text.split("\n") if line]
        if self.file is not None:
            with as_user_error(f"cannot write {self.file.name}"):
                self.file.writelines(self.waiting)
                self.file.flush()
            self.waiting = []

    def log_to(self, path):
        """Also write all lines, those before as well, at the end of the file at path, alone."""
        with as_user_error(f"cannot write {path}"):
            # a file may have a name that is no text
            self.file = open(path, "a", encoding="utf-8", errors="backslashreplace")
        if not whole.lock(self.file):
            self.close()
            raise UserError(f"another run trains in {path.parent}: choose another --out")
        self.note("")

    def close(self):
        """No more lines go into the log file."""
        if self.file is not None:
            with contextlib.suppress(OSError):  # what a full disk has not taken
                self.file.close()
            self.file = None


class Progress:
    """A bar on a terminal or in a notebook; elsewhere, and in the log file, a line now and then.

    It counts units (tokens, examples) of the whole run, of which some may have been done before.
    """

    def __init__(self, say, total, done, unit):
        self.say, self.total, self.done, self.unit = say, total, done, unit
        self.begun, self.first, self.told = time.monotonic(), done, time.monotonic()
        if shows_bars():
            say.bar = tqdm(
                total=total, initial=done, unit=f" {unit}s", unit_scale=True, leave=False
            )

    def update(self, units, label, loss):
        """So many units more; label says what is being done."""
        self.done += units
        now = time.monotonic()
        if self.say.bar is not None:
            self.say.bar.set_description(label, refresh=False)
            self.say.bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            self.say.bar.update(units)
        if now - self.told < EVERY:
            return
        self.told = now
        rate = (self.done - self.first) / (now - self.begun)
        left = tqdm.format_interval((self.total - self.done) / rate)
        line = (
            f"{label}  {self.done / self.total:4.0%}  loss {loss:.3f}  "
            f"{rate:,.0f} {self.unit}s/s  {left} left"
        )
        (self.say if self.say.bar is None else self.say.note)(line)

    def close(self):
        """Take the bar away."""
        if self.say.bar is not None:
            self.say.bar.close()
            self.say.bar = None
