"""Accelerate somebody else's book-style classes: in place, only where they behave the same, undone.

``python -m fastembed run SCRIPT``, ``%load_ext fastembed``, or `install` first in a program.
"""

from fastembed._lazy import attach

_NAMES = {
    "install": "hook",
    "uninstall": "hook",
    "load_ipython_extension": "hook",
    "unload_ipython_extension": "hook",
    "report": "reporting",
}

__getattr__, __dir__, __all__ = attach(__name__, [], _NAMES)
