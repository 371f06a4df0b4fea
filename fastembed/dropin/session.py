"""Every class and function that was looked at in this process, and what became of it."""

import threading
import types
import warnings
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from fastembed.dropin import site
from fastembed.dropin.known import KNOWN_FUNCTIONS, KNOWN_LAYERS, LAYERS
from fastembed.dropin.patch import Patch, Stats
from fastembed.dropin.reading import Declined, read, sets_in_constructor


@dataclass
class Subject:
    """One class or function that we know.

    ``reason`` says why it was left alone; None if it runs accelerated, or will be probed at its
    first call.
    """

    value: object
    where: str
    entries: list  # of the table: what it may be
    reason: str | None = None
    pending: bool = False  # it leans on names that its module does not have yet
    candidates: list = field(default_factory=list)  # patches for code that was read, not probed
    patch: object = None
    used: int = 0  # calls of what was left alone, where they are counted
    stats: Stats = field(default_factory=Stats)


class Session:
    """What install() began and uninstall() ends."""

    def __init__(self):
        self.lock = threading.RLock()
        self.subjects = {}  # id of the class or function -> Subject, which keeps it alive
        self.others = weakref.WeakValueDictionary()  # classes of other names: nothing to do
        self.installed = False
        self.counts = False  # whether calls of what is left alone are counted
        self.seconds = 0.0  # spent on reading and in probes

    def consider_names(self, space):
        """Look at the classes and functions that a module of the user's defines, by its names."""
        name = space.get("__name__")
        kinds = type, types.FunctionType  # asking other objects anything may have effects
        values = [v for v in list(space.values()) if issubclass(type(v), kinds)]
        self.consider([v for v in values if getattr(v, "__module__", None) == name])

    def consider(self, values):
        """Read those that we know; the first call of those of the book's kind probes them."""
        with self.lock:
            if not self.installed:
                return
            start = perf_counter()
            for subject in [s for s in self.subjects.values() if s.pending]:
                self._read(subject)
            for value in values:
                if id(value) not in self.subjects and id(value) not in self.others:
                    self._admit(value)
            self.seconds += perf_counter() - start

    def restore(self):
        """Undo every patch, the last first; all of them, whatever one of them raises."""
        with self.lock:
            errors, changed = [], []
            for subject in reversed(self.subjects.values()):
                try:
                    if subject.patch is not None and subject.patch.undo():
                        changed.append(subject.patch.name)
                except Exception as error:
                    errors.append(error)
            for each in list(site.sites.values()):
                for owner in list(each.owners):
                    each.remove(owner)
            self.subjects.clear()
            self.others.clear()
            self.seconds = 0.0
            if changed:
                warnings.warn(
                    f"weights or inputs of {', '.join(changed)} have changed since forward, so "
                    "attributes that the original's backward needs are not what it would have left",
                    RuntimeWarning,
                    3,
                )
            if errors:
                raise errors[0]

    def _admit(self, value):
        """Look at a class or function for the first time."""
        entries = _entries(value)
        if entries:
            subject = Subject(value, f"{value.__module__}.{value.__qualname__}", entries)
            self.subjects[id(value)] = subject
            self._read(subject)
        elif isinstance(value, type):
            self.others[id(value)] = value

    def _forget(self, subject):
        """Drop a class of another name that does something else: nobody expects it to be known."""
        named = subject.value.__name__ == subject.entries[0].name
        if not named and subject.reason is not None and not subject.pending:
            self.others[id(subject.value)] = self.subjects.pop(id(subject.value)).value

    def _read(self, subject):
        """Have the subject probed at its first call if its code is of one of the known kinds."""
        subject.reason, subject.pending = "looking at it was interrupted", False
        subject.candidates, reasons = [], []
        for known in subject.entries:
            with _noted(subject, reasons):
                found = Patch(subject.value, known, subject.stats, read(subject.value, known))
                found.prove = lambda: self.probe(subject)
                found.on_difference = lambda reason: setattr(subject, "reason", reason)
                subject.candidates.append(found)
        if subject.candidates:
            subject.patch, subject.reason, subject.pending = subject.candidates[0], None, False
            subject.patch.apply()
        else:
            subject.reason = reasons[0]
            if self.counts and not subject.pending:
                self._count(subject)
            self._forget(subject)

    def probe(self, subject):
        """Decide what becomes of a subject whose code was read: a call of it is about to run."""
        from fastembed.dropin.probe import probe

        with self.lock:
            if not subject.candidates:  # another thread was here
                return
            start, reasons = perf_counter(), []
            subject.patch.undo()
            subject.reason, subject.used = "looking at it was interrupted", 1
            candidates, subject.candidates = subject.candidates, []
            for found in candidates:
                with _noted(subject, reasons):
                    probe(found)
                    found.prove = None
                    subject.patch, subject.reason, subject.pending = found, None, False
                    found.apply()
                    break
            else:
                subject.reason = reasons[0]
                self._forget(subject)
            self.seconds += perf_counter() - start

    def _count(self, subject):
        """Have the calls of what is left alone counted."""
        function = subject.value
        if isinstance(function, type):
            function = vars(function).get(subject.entries[0].methods[0])
        if type(function) is not types.FunctionType or not site.plain_parameters(function):
            subject.used = 1  # for all we know
            return
        each = site.site(function)

        def counted(*given):
            subject.used += 1
            return each.original(*given)

        each.add(subject.value if isinstance(subject.value, type) else None, counted)


@contextmanager
def _noted(subject, reasons):
    """Note why code cannot be accelerated, instead of raising it."""
    try:
        yield
    except Declined as error:
        reasons.append(str(error))
    except NameError as error:
        reasons.append(f"it needs a name that is missing: {error}")
        subject.pending = True
    except Exception as error:
        reasons.append(f"looking at it ended with {type(error).__name__}: {error}")


def _entries(value):
    """The entries of the table for a name, or for a class of another with the same attributes."""
    if isinstance(value, types.FunctionType):
        return KNOWN_FUNCTIONS.get(value.__name__, [])
    if not isinstance(value, type):
        return []
    if value.__name__ in KNOWN_LAYERS:
        return KNOWN_LAYERS[value.__name__]
    sets = sets_in_constructor(value)
    rows = [known for known in LAYERS if known.attributes == sets]
    return [known for known in rows if all(hasattr(value, name) for name in known.methods)]


session = Session()
