"""A user's project in a temporary folder: modules in the book's style, loaded before or after us.

The modules' text is that of our own slow reference layers, which are written in that style; a test
changes a few words of it to make the variants that are found in the wild.
"""

import importlib
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import fastembed.reference
from fastembed import dropin
from fastembed.dropin import known, watch
from fastembed.dropin.session import session

REFERENCE = Path(fastembed.reference.__file__).parent

UTIL = """
import numpy as np


def create_co_matrix(corpus, vocab_size, window_size=1):
    counts = np.zeros((vocab_size, vocab_size), dtype=np.int32)
    for here, word in enumerate(corpus):
        for there in range(max(0, here - window_size), min(len(corpus), here + window_size + 1)):
            if there != here:
                counts[word, corpus[there]] += 1
    return counts


def create_contexts_target(corpus, window_size=1):
    contexts = []
    for here in range(window_size, len(corpus) - window_size):
        left = [corpus[k] for k in range(here - window_size, here)]
        right = [corpus[k] for k in range(here + 1, here + window_size + 1)]
        contexts.append(left + right)
    return np.array(contexts), np.array(corpus[window_size:-window_size])


def convert_one_hot(corpus, vocab_size):
    one_hot = np.zeros(corpus.shape + (vocab_size,), dtype=np.int32)
    for where, word in np.ndenumerate(corpus):
        one_hot[where + (word,)] = 1
    return one_hot


def ppmi(C, verbose=False, eps=1e-8):
    M = np.zeros_like(C, dtype=np.float32)
    N, S = np.sum(C), np.sum(C, axis=0)
    for i, j in np.ndindex(*C.shape):
        M[i, j] = max(0, np.log2(C[i, j] * N / (S[i] * S[j]) + eps))
        if verbose:
            print(i, j)
    return M


class RnnlmTrainer:
    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer
        self.time_idx = None

    def get_batch(self, x, t, batch_size, time_size):
        size = len(x)
        starts = [n * (size // batch_size) for n in range(batch_size)]
        batch_x = np.empty((batch_size, time_size), dtype="i")
        batch_t = np.empty((batch_size, time_size), dtype="i")
        for step in range(time_size):
            for n, start in enumerate(starts):
                batch_x[n, step] = x[(start + self.time_idx) % size]
                batch_t[n, step] = t[(start + self.time_idx) % size]
            self.time_idx += 1
        return batch_x, batch_t
"""


def source(name, *changes):
    """The text of a book-style module ('layers', 'training' or 'util') with words changed.

    A change is (class in which to look, or "", old words, new words).
    """
    text = UTIL if name == "util" else (REFERENCE / f"{name}.py").read_text()
    text = text.split("class RnnlmTrainer")[0] if name == "training" else text  # UTIL has it
    for place, old, new in changes:
        start = re.search(rf"^class {place}\b", text, re.M).start() if place else 0
        assert old in text[start:], old
        text = text[:start] + text[start:].replace(old, new, 1)
    return text


def classes(*names):
    """The text of some of the layers alone, after the functions that they call."""
    head, *blocks = re.split(r"^(?=class |# ---)", source("layers"), flags=re.M)
    wanted = ("_Layer", *names)
    return head + "".join(b for b in blocks if b.split("(")[0].split(":")[0][6:] in wanted)


def normal(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype("f")


def subject(name):
    """What is known about a class or function, the first of that name."""
    return next(s for s in session.subjects.values() if s.where.endswith("." + name))


def stats(name):
    return subject(name).stats


def pytest_collection_modifyitems(items):
    """NumPy's warnings are no errors here: where they are, every call falls back."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("default::RuntimeWarning"))


class Project:
    """A folder with a user's modules."""

    source = staticmethod(source)
    classes = staticmethod(classes)

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch = folder, monkeypatch

    def know(self, *names):
        """Let fastembed know no other names from here on: probes of a whole module take time."""
        for table in ("KNOWN_LAYERS", "KNOWN_FUNCTIONS"):
            few = {key: value for key, value in getattr(known, table).items() if key in names}
            self.monkeypatch.setattr(f"fastembed.dropin.session.{table}", few)
        few = [layer for layer in known.LAYERS if layer.name in names]
        self.monkeypatch.setattr("fastembed.dropin.session.LAYERS", few)

    def write(self, name, text):
        path = self.folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()
        return path

    def load(self, name, text=None):
        """Import a module of the project, written first if its text is given."""
        if text is not None:
            self.write(name, text)
        return importlib.import_module(name)

    def twins(self, name, *changes, only=()):
        """The same module twice: never seen by fastembed, and imported after install()."""
        if only:
            self.know(*only)
        text = source(name, *changes)
        plain = types.ModuleType(f"plain_{name}")
        exec(compile(text, plain.__name__, "exec"), vars(plain))
        dropin.install()
        return plain, self.load(f"my_{name}", text)

    def run(self, *arguments, strict=True, **options):
        """``python -m fastembed run`` in the project's folder."""
        flags = ["--strict"] if strict else []
        return self.python("-m", "fastembed", "run", *flags, *arguments, **options)

    def python(self, *arguments, **options):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=options.pop("cwd", self.folder),
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(watch.Schedule, "due", lambda *_: False)
    before = set(sys.modules)
    yield Project(tmp_path, monkeypatch)
    dropin.uninstall()
    for name in set(sys.modules) - before:
        path = getattr(sys.modules[name], "__file__", None) or ""
        if path.startswith(str(tmp_path)):
            del sys.modules[name]
