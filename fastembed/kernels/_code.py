"""Machine code of the Numba kernels, kept in files: a process that finds it does not need Numba.

Each entry (see ``_jit``) has an object file for each dtype, behind a digest of it and of what it
was made from. Whatever else is found, in part or from another version, is compiled again.
"""

import hashlib
import os
import warnings
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

HERE = Path(__file__).parent
_number = count()
_linked = {}  # (name, dtype) -> what holds the code in memory
_warned = []


def address(name, real):
    """Address of the C function ``module.entry`` for float32 or float64."""
    if (name, real) not in _linked:
        code = kept(name, real)
        if code is None:
            from fastembed.kernels import _jit

            compiled = _jit.compile(name, real)
            code = _jit.object_file(compiled)
            if not _jit.foreign(compiled):
                _keep(name, real, code)
        library = llvm.JITLibraryBuilder().add_object_img(code).export_symbol("entry")
        # no name serves twice, not even that of a library whose making was interrupted
        library = library.add_current_process().link(_linker(), f"{name}.{real}.{next(_number)}")
        _linked[name, real] = library
    return _linked[name, real]["entry"]


def kept(name, real):
    """The object file of an entry if it is kept as this version would make it, else None."""
    for place in folders():
        try:
            content = (place / _file(name, real)).read_bytes()
        except OSError:
            continue
        if content.startswith(_digest(content[32:])):
            return content[32:]
    return None


def folders():
    """Where object files are looked for."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return [Path(chosen, "fastembed")]
    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return [HERE / "__pycache__", Path(user, "fastembed")]


def folder():
    """The first of them that can be written, which takes new files; None if there is none."""
    for place in folders():
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            if os.access(place, os.W_OK):
                return place
    return None


def machine():
    """Triple, name and features of the CPU that code is made for."""
    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM cannot tell on every system
        features = ""
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), features


def _keep(name, real, code):
    part = None
    try:
        place = folder()
        if place is None:
            raise PermissionError("no folder can be written")
        part = place / f"{name}.{real}.{os.getpid()}"
        part.write_bytes(_digest(code) + code)
        part.replace(place / _file(name, real))
    except OSError as error:
        if part:
            part.unlink(missing_ok=True)
        if not _warned:
            _warned.append(error)
            warnings.warn(
                "fastembed: the kernels' cache cannot be used, so each process compiles them again "
                f"({error}); set NUMBA_CACHE_DIR to a folder that can be written",
                RuntimeWarning,
                stacklevel=3,
            )


@cache
def _ending():
    made_for = repr((machine(), llvmlite.__version__)).encode()
    return f"{hashlib.sha256(made_for).hexdigest()[:12]}.o"


def _file(name, real):
    return f"{name}.{real}.{_ending()}"


@cache
def _source():
    """What code is made from: the kernels, and the setting of a debug build."""
    text = b"".join(file.read_bytes() for file in sorted(HERE.glob("*.py")))
    return text + os.environ.get("NUMBA_BOUNDSCHECK", "").encode()


def _digest(code):
    return hashlib.sha256(_source() + code).digest()


@cache
def _linker():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.create_lljit_compiler()
