"""Lazy public names for a package (SPEC 1): a name imports its module when it is first used."""

import importlib
import logging  # noqa: F401  (before ours: the hooks of a fork run from the last one registered)
import os
import sys
import threading

# held while modules or kernels are loaded: a fork waits, else its child would wait for ever; it
# must not hold logging's lock meanwhile, which modules take while they are loaded
loading = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=loading.acquire, after_in_parent=loading.release, after_in_child=loading.release
    )


def attach(package, modules, names):
    """Make ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    modules : list of str
        Submodules that are public by their own name.
    names : dict
        Public name -> submodule that defines it.
    """
    public = sorted({*modules, *names})

    def __getattr__(name):
        if name in names:
            with loading:
                value = getattr(importlib.import_module(f"{package}.{names[name]}"), name)
            setattr(sys.modules[package], name, value)  # found at once from now on
            return value
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return __getattr__, lambda: public, public
