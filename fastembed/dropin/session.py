"""Every class and function that was looked at in this process, and what became of it."""

import sys
import threading
import types
from dataclasses import dataclass, field
from time import perf_counter

from fastembed.dropin.known import KNOWN_FUNCTIONS, KNOWN_LAYERS
from fastembed.dropin.patch import FunctionPatch, MethodsPatch, Stats


@dataclass
class Subject:
    """One class or function with a name that we know.

    ``reason`` says why it was left alone; None if it runs accelerated.
    """

    value: object
    where: str
    reason: str | None = None
    pending: bool = False  # it leans on names that its module does not have yet
    patch: object = None
    stats: Stats = field(default_factory=Stats)


class Session:
    """What install() began and uninstall() ends."""

    def __init__(self):
        self.lock = threading.RLock()
        self.subjects = {}  # id of the class or function -> Subject, which keeps it alive
        self.installed = False
        self.seconds = 0.0  # spent in probes

    def consider_module(self, module):
        """Look at the classes and functions that a module of the user's defines."""
        space = vars(module)
        name = space.get("__name__")
        values = [v for v in list(space.values()) if getattr(v, "__module__", None) == name]
        self.consider(values)

    def consider(self, values):
        """Probe those with a name that we know, and patch those that behave as the book's do."""
        with self.lock:
            if not self.installed:
                return
            start = perf_counter()
            waiting = [s for s in self.subjects.values() if s.pending]
            new = [self._admit(v) for v in values if _known(v) and id(v) not in self.subjects]
            ready = [subject for subject in waiting + new if self._probe(subject)]
            # only after all probes: each of them ran the user's own code
            for subject in ready:
                subject.patch.apply()
            self.seconds += perf_counter() - start

    def restore(self):
        """Undo every patch, the last first."""
        with self.lock:
            for subject in reversed(self.subjects.values()):
                if subject.patch is not None:
                    subject.patch.undo()
                    subject.patch = None
            self.subjects.clear()
            self.seconds = 0.0

    def _admit(self, value):
        subject = Subject(value, f"{value.__module__}.{value.__qualname__}")
        self.subjects[id(value)] = subject
        return subject

    def _probe(self, subject):
        """Whether the subject may be patched; its patch is made then."""
        from fastembed.dropin.probe import probe_class, probe_function

        value, known = subject.value, _known(subject.value)
        subject.pending = False
        try:
            if isinstance(value, type):
                subject.reason, settings = probe_class(value, known)
                if subject.reason is None:
                    subject.patch = MethodsPatch(value, known, subject.stats, settings)
            else:
                subject.reason = probe_function(value, known)
                if subject.reason is None:
                    subject.patch = FunctionPatch(value, known, subject.stats)
        except NameError as error:
            subject.reason, subject.pending = f"it needs a name that is missing: {error}", True
        except Exception as error:
            subject.reason = f"the probe ended with {type(error).__name__}: {error}"
        return subject.reason is None


def _known(value):
    if isinstance(value, type):
        return KNOWN_LAYERS.get(value.__name__)
    if isinstance(value, types.FunctionType):
        return KNOWN_FUNCTIONS.get(value.__name__)
    return None


session = Session()


def main_module():
    return sys.modules.get("__main__")
