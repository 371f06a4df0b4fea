"""The Numba kernels of the package, and where their machine code is kept."""

import importlib
import pkgutil
import sys
from pathlib import Path


def numba_kernels():
    """Every Numba kernel, by module and name."""
    from numba.core.dispatcher import Dispatcher

    import fastembed.kernels as package

    found = []
    for info in pkgutil.iter_modules(package.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for attribute, value in vars(module).items():
            ours = isinstance(value, Dispatcher) and value.__module__ == module.__name__
            if ours and not attribute.startswith("_"):  # those are compiled into their callers
                found.append(value)
    return sorted(found, key=name)


def name(kernel):
    """``module.function`` of a kernel."""
    return f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__}"


def cache_folder(kernel):
    """The folder of a kernel's machine code, or None where none can be written."""
    path = kernel._cache.cache_path
    return None if path is None else Path(path)


def is_cached(kernel):
    """Whether the cache folder holds machine code for this version of the kernel's source."""
    folder = cache_folder(kernel)
    if folder is None:
        return False
    line = kernel.py_func.__code__.co_firstlineno
    python = f"py{sys.version_info[0]}{sys.version_info[1]}"
    return any(folder.glob(f"{name(kernel)}-{line}.{python}*.nbi"))
