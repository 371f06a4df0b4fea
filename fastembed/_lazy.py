"""Lazy public names for a package (SPEC 1): a name imports its module when it is first used."""

import importlib
import logging  # noqa: F401  (before ours: the hooks of a fork run from the last one registered)
import os
import re
import sys
import threading

# held while modules or kernels are loaded: a fork waits, else its child would wait for ever; it
# must not hold logging's lock meanwhile, which modules take while they are loaded
loading = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=loading.acquire, after_in_parent=loading.release, after_in_child=loading.release
    )


def attach(package, file):
    """Make ``__getattr__``, ``__dir__`` and ``__all__`` of a package from the stub beside its file.

    What the stub imports, as in ``from fastembed.ops.dense import matmul as matmul``, is public.
    """
    with open(os.path.join(os.path.dirname(file), "__init__.pyi"), encoding="utf-8") as stub:
        lines = re.findall(r"^from (\S+) import (\w+) as \2$", stub.read(), re.MULTILINE)
    modules = {name: module for module, name in lines}
    public = sorted(modules)

    def __getattr__(name):
        place = modules.get(name)
        if place == package:
            return importlib.import_module(f"{package}.{name}")
        if place is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with loading:
            value = getattr(importlib.import_module(place), name)
        setattr(sys.modules[package], name, value)  # found at once from now on
        return value

    return __getattr__, lambda: public, public
