"""``python -m fastembed warmup``: compile and cache every Numba kernel, before it is needed."""

import multiprocessing
import time
import warnings
from concurrent.futures import ProcessPoolExecutor

from fastembed.cli import kernel_list
from fastembed.cli.machine import cpus
from fastembed.cli.options import Parser


def main(argv):
    from fastembed.kernels import _code

    Parser(
        prog="python -m fastembed warmup",
        description="Compile every Numba kernel for float32 and float64 and keep the machine code "
        "(beside the package, or in NUMBA_CACHE_DIR), so that the first call in a later process is "
        "fast.",
        examples=["python -m fastembed warmup"],
    ).parse_args(argv)
    began = time.perf_counter()
    pairs = [(entry, real) for entry in kernel_list.entries() for real in kernel_list.dtypes(entry)]
    missing = [pair for pair in pairs if _code.kept(*pair) is None]
    for entry, real in pairs:
        if (entry, real) not in missing:
            print(f"{entry:42} {real:8}            cached", flush=True)
    if missing:
        context = multiprocessing.get_context("spawn")  # LLVM has threads, which a fork would lose
        with ProcessPoolExecutor(min(cpus(), len(missing)), context) as pool:
            for (entry, real), seconds in zip(missing, pool.map(_compile, missing), strict=True):
                print(f"{entry:42} {real:8} {seconds:7.3f} s  compiled", flush=True)
    folder, total = _code.folder(), time.perf_counter() - began
    cached = len(pairs) - len(missing)
    print(f"{len(missing)} compiled, {cached} from the cache, {total:.1f} s")
    if folder is None:
        print("nothing is kept: no cache folder can be written; set NUMBA_CACHE_DIR to one")
    else:
        print("cache:", folder)
    return 0


def _compile(pair):
    """Compile an entry, in a process of its own; returns the seconds that it took."""
    from fastembed.kernels import _code

    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a cache folder that cannot be written is said by main
        _code.address(*pair)
    return time.perf_counter() - start
