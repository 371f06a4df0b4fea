"""Runs modules of the folder ``variants`` in one process and pickles what each of them showed.

usage: python run_variants.py plain|accelerated|compared RESULTS FOLDER NAME...
"""

import contextlib
import importlib
import io
import os
import pickle
import random
import sys
import warnings
from pathlib import Path

import numpy as np
from expand import whole

VARIANTS = Path(__file__).parent / "variants"


def main(mode, results, folder, *names):
    modules = Path(folder, "modules")
    modules.mkdir(exist_ok=True)
    book = (VARIANTS / "textbook.py").read_text()
    for name in names:
        text = (VARIANTS / f"{name}.py").read_text()
        (modules / f"{name}.py").write_text(whole(text, book))
    sys.path[:0] = [folder, str(modules), str(VARIANTS)]
    os.chdir(folder)
    seen = {}
    for name in names:
        seen[name] = observe(name, mode)
    Path(results).write_bytes(pickle.dumps(seen))


def observe(name, mode):
    """What a module yields, prints, raises, draws and writes; what became of its classes."""
    import common

    common.turn_off_and_on = lambda: None
    before = set(os.listdir())
    errors, filters = np.geterr(), warnings.filters[:]
    np.random.seed(7)
    random.seed(7)
    if mode != "plain":
        from fastembed import dropin
        from fastembed.dropin import reporting, session, watch

        if mode == "accelerated":
            watch.Schedule.due = lambda *_: False
        dropin.install()
        common.turn_off_and_on = lambda: (dropin.uninstall(), dropin.install())
    printed, values, error = io.StringIO(), [], None
    with contextlib.redirect_stdout(printed):
        try:
            for value in importlib.import_module(name).run():
                values.append(pickle.loads(pickle.dumps(value)))
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
    seen = {
        "values": values,
        "printed": printed.getvalue(),
        "error": error,
        "numpy's random stream": np.random.random_sample(),
        "Python's random stream": random.random(),
        "files": {
            file: Path(file).read_text()
            for file in sorted(set(os.listdir()) - before)
            if os.path.isfile(file) and not file.startswith("results-")
        },
        "error state": np.geterr() == errors,
        "warning filters": warnings.filters == filters,
    }
    if mode != "plain":
        subjects = session.session.subjects.values()
        seen["report"] = reporting.text()
        seen["calls"] = sum(subject.stats.calls for subject in subjects)
        dropin.uninstall()
    for file in seen["files"]:
        os.remove(file)
    for module in ("book", "settings", "textbook", name):
        sys.modules.pop(module, None)
    return seen


if __name__ == "__main__":
    main(*sys.argv[1:])
