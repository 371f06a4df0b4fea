"""The entries of the Numba kernels, and where their machine code is kept."""

import importlib
import pkgutil
import sys
from pathlib import Path


def entries():
    """Every entry of a Numba kernel, by module and name."""
    import fastembed.kernels as package
    from fastembed.kernels._jit import Entry

    found = []
    for info in pkgutil.iter_modules(package.__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            found += [value for value in vars(module).values() if isinstance(value, Entry)]
    return sorted(found, key=lambda entry: entry.name)


def cache_folder(entry):
    """The folder of an entry's machine code, or None where none can be written."""
    from numba.core.caching import FunctionCache

    try:
        return Path(FunctionCache(entry.function).cache_path)
    except RuntimeError:  # no folder can be written
        return None


def is_cached(entry):
    """Whether the cache folder holds machine code for this version of the entry's source."""
    folder = cache_folder(entry)
    if folder is None:
        return False
    line = entry.function.__code__.co_firstlineno
    python = f"py{sys.version_info[0]}{sys.version_info[1]}"
    return any(folder.glob(f"{entry.name}-{line}.{python}*.nbi"))
