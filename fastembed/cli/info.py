"""``python -m fastembed info``: versions, CPU, threads, kernel cache, name clash."""

import importlib.metadata as metadata
import json
import os
import platform
import sys
from pathlib import Path

import fastembed
from fastembed._version import __version__
from fastembed.cli import kernel_list, machine
from fastembed.cli.options import Parser

OURS, OTHER = "fastembed-layers", "fastembed"
LIBRARIES = ("numpy", "numba", "llvmlite", "threadpoolctl", "tqdm")
OPTIONAL = ("scipy", "matplotlib", "torch", "cython")


def main(argv):
    Parser(
        prog="python -m fastembed info",
        description="Say what fastembed runs on: versions, CPU and instruction set, threads, "
        "NumPy's BLAS, the cache of compiled kernels, and a clash with the other 'fastembed'.",
        examples=["python -m fastembed info"],
    ).parse_args(argv)
    for label, text in rows():
        print(f"{label:20} {text}")
    for text in clashes():
        print(f"{'WARNING':20} {text}")
    return 0


def rows():
    """(label, text) pairs, in the order in which they are printed."""
    yield OURS, f"{__version__}, {Path(fastembed.__file__).parent}"
    yield "python", f"{platform.python_version()} ({platform.python_implementation()})"
    for library in LIBRARIES:
        yield library, _version(library) or "not installed"
    for library in OPTIONAL:
        yield library, _version(library) or "not installed (optional)"
    yield "system", platform.platform()
    yield "CPU", machine.cpu_name()
    yield "instruction set", _instruction_set()
    yield "threads", _threads()
    yield from _blas()
    yield from _cache()


def _version(distribution):
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _instruction_set():
    from fastembed.kernels import simd

    chosen = simd.isa()
    forced = os.environ.get("FASTEMBED_ISA")
    return chosen + (f" (FASTEMBED_ISA={forced})" if forced else "")


def _threads():
    given = os.environ.get("FASTEMBED_NUM_THREADS")
    source = f"FASTEMBED_NUM_THREADS={given}" if given else "one per CPU"
    try:
        from fastembed.threads import get_num_threads

        return f"{get_num_threads()} ({source}; this process may use {machine.cpus()} CPUs)"
    except ValueError as error:
        return f"wrong setting: {error}"


def _blas():
    """What NumPy's own products run on, those of slow layers and scripts: ours don't use it."""
    import numpy  # noqa: F401
    from threadpoolctl import threadpool_info

    for library in threadpool_info():
        if library["user_api"] == "blas":
            name = f"{library['internal_api']} {library['version'] or ''}".strip()
            where = f"{library['num_threads']} threads, {library['filepath']}"
            yield "NumPy's BLAS", f"{name} ({library.get('architecture', '')}), {where}"


def _cache():
    from fastembed.kernels import _code

    kernels = kernel_list.entries()
    none = "none can be written: each process compiles; set NUMBA_CACHE_DIR"
    yield "kernel cache", str(_code.folder() or none)
    count = sum(
        all(_code.kept(entry, real) for real in kernel_list.dtypes(entry)) for entry in kernels
    )
    hint = "" if count == len(kernels) else "; 'python -m fastembed warmup' compiles the others"
    yield "kernels cached", f"{count} of {len(kernels)}{hint}"


def clashes():
    """A line for each way in which another distribution interferes with this package."""
    try:
        other = metadata.distribution(OTHER)
    except metadata.PackageNotFoundError:
        other = None
    here = Path(fastembed.__file__).parent
    if other is not None:
        yield (
            f"the distribution '{OTHER}' {other.version} (retrieval embeddings) is installed too, "
            f"and also installs a folder fastembed/: keep them in two environments; to keep this "
            f"one alone: pip uninstall -y {OTHER} && {_install_again()}"
        )
        ours = {path.resolve() for path in here.rglob("*.py")}
        files = {file: Path(other.locate_file(file)).resolve() for file in other.files or ()}
        both = {file.as_posix() for file, place in files.items() if place in ours}
        if both:
            yield f"both install {', '.join(sorted(both))}: whichever came last overwrote it"
    for entry in map(Path, filter(None, sys.path)):
        rival = entry / "fastembed" / "__init__.py"
        if rival.is_file() and rival.parent.resolve() != here.resolve():
            yield f"another package 'fastembed' lies in {rival.parent}; {here} is the one in use"


def _install_again():
    """The command that writes this package's files anew, from where they came."""
    try:
        origin = json.loads(metadata.distribution(OURS).read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        return "install this one again"
    source = origin.get("url", OURS)  # no address: it came from an index
    if "vcs_info" in origin:
        source = f"{origin['vcs_info']['vcs']}+{source}@{origin['vcs_info']['commit_id']}"
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f"pip install --force-reinstall --no-deps {editable}{source}"
