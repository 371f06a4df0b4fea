"""How the user's modules are seen: after each import, and class by class in ``__main__``."""

import builtins
import os
import site
import sys
import sysconfig
import types
from functools import lru_cache
from pathlib import Path

from fastembed.dropin import reporting
from fastembed.dropin.session import session
from fastembed.dropin.watch import clock


def install():
    """Accelerate book-style classes and functions, in modules imported before and from now on.

    A class or function is patched in place if its code is of the book's kind and does what the
    book's does; real calls are compared now and then. `report` tells what was done, `uninstall`
    undoes it. Calling it again does nothing.
    """
    if session.installed:
        return
    _libraries()  # it imports, which must not lead back to it
    session.installed = True
    if reporting.wanted():
        reporting.report_at_exit()
    sys.meta_path.insert(0, _finder)
    builtins.__build_class__ = _BuildClass(builtins.__build_class__)
    clock.restart()
    for module in list(sys.modules.values()):
        if type(module) is types.ModuleType and is_users(module):  # asking others may load them
            session.consider_names(vars(module))


def uninstall():
    """Restore every method and function, and look at no more modules."""
    if not session.installed:
        return
    session.installed = False
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    build = builtins.__build_class__
    if isinstance(build, _BuildClass):  # else a wrapper is around ours, which does nothing now
        builtins.__build_class__ = build.original
    session.restore()


def is_users(module):
    """Whether a module is the user's own: not a library's, not the standard library's, not ours."""
    path = getattr(module, "__file__", None)
    if path is None:
        return getattr(module, "__name__", None) == "__main__"
    return isinstance(path, str) and is_users_file(path)


@lru_cache(maxsize=4096)
def is_users_file(path):
    """Whether a source file lies outside of every folder of libraries."""
    if not isinstance(path, str) or not path.endswith((".py", ".pyc", ".pyw")):
        return False
    path = os.path.realpath(path)
    return not any(path.startswith(folder) for folder in _libraries()) and not (
        {"site-packages", "dist-packages"} & set(Path(path).parts)
    )


@lru_cache
def _libraries():
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [sysconfig.get_paths()[name] for name in names]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    folders.append(os.path.dirname(os.path.dirname(__file__)))
    return {os.path.join(os.path.realpath(folder), "") for folder in folders}


class _Finder:
    """Lets the other finders find a module, and looks at it once it has been executed."""

    def find_spec(self, name, path=None, target=None):
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if is_users_file(spec.origin) and hasattr(spec.loader, "exec_module"):
                    _look_after(spec.loader)
                return spec
        return None


def _look_after(loader):
    """Have the loader's next exec_module followed by a look at the module."""
    if "exec_module" in vars(loader):
        return
    execute = loader.exec_module

    def exec_module(module):
        vars(loader).pop("exec_module", None)
        execute(module)
        session.consider_names(vars(module))

    # Python leaves its own import frames out of tracebacks and warnings; so it does with this one
    exec_module.__code__ = exec_module.__code__.replace(
        co_filename="<frozen importlib._bootstrap>", co_name="_call_with_frames_removed"
    )
    loader.exec_module = exec_module


class _BuildClass:
    """``class`` statements of ``__main__``: seen at once, since the module ends only at its end."""

    def __init__(self, original):
        self.original = original

    def __call__(self, function, name, /, *bases, **options):
        cls = self.original(function, name, *bases, **options)
        if session.installed and getattr(function, "__globals__", {}).get("__name__") == "__main__":
            # functions, too: there is no other moment at which to see them
            session.consider_names(vars(sys.modules["__main__"]))
            session.consider([cls])
        return cls


_finder = _Finder()


def load_ipython_extension(ipython):
    """``%load_ext fastembed``: look at what the session has, and after each cell again."""
    install()

    def after_cell(*_):
        session.consider_names(ipython.user_ns)

    _cells[id(ipython)] = after_cell
    ipython.events.register("post_run_cell", after_cell)
    after_cell()


def unload_ipython_extension(ipython):
    """``%unload_ext fastembed``: restore every class."""
    after_cell = _cells.pop(id(ipython), None)
    if after_cell is not None:
        ipython.events.unregister("post_run_cell", after_cell)
    uninstall()


_cells = {}
