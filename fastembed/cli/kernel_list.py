"""The entries of the Numba kernels, and where their machine code is kept."""

import importlib
import pkgutil


def entries():
    """Every entry of a Numba kernel, as ``module.name``."""
    import fastembed.kernels as package
    from fastembed.kernels._jit import ENTRIES

    for info in pkgutil.iter_modules(package.__path__):
        if not info.name.startswith("_"):
            importlib.import_module(f"{package.__name__}.{info.name}")
    return sorted(ENTRIES)


def dtypes(entry):
    """What it is compiled for."""
    from fastembed.kernels import _args, _jit

    return _args.dtypes(_jit.ENTRIES[entry])
