"""Files that cases read: written once for all contenders of a run, removed with it."""

import atexit
import functools
import os
import shutil
import tempfile
import time
from pathlib import Path

from fastembed.bench.runner import FOLDER


@functools.cache
def _folder():
    """The session's folder, which outlives its workers; without one, a folder of this process."""
    shared = os.environ.get(FOLDER)
    if shared is None:
        shared = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, shared, ignore_errors=True)
    return shared


def made(name, make):
    """The path of a file of that name, which make(path) writes in the process that asks first."""
    path = Path(_folder(), name)
    part = path.with_name(f"part-{name}")
    try:
        os.mkdir(f"{path}.begun")
    except FileExistsError:
        while not path.exists():
            time.sleep(0.01)
    else:
        make(part)
        os.replace(part, path)
    return path
