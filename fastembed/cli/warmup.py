"""``python -m fastembed warmup``: compile and cache every Numba kernel, before it is needed."""

import time
import warnings

from fastembed.cli import kernel_list
from fastembed.cli.options import Parser


def walk(report):
    """Compile every entry; report(name, dtype, seconds, how) for each of its dtypes.

    ``how`` is ``compiled`` or ``cached`` (read from the cache folder).
    """
    from fastembed.kernels._code import address, kept
    from fastembed.kernels._jit import REALS

    for entry in kernel_list.entries():
        for real in REALS:
            start = time.perf_counter()
            how = "cached" if kept(entry, real) else "compiled"
            address(entry, real)
            report(entry, real, time.perf_counter() - start, how)


def main(argv):
    from fastembed.kernels import _code

    parser = Parser(
        prog="python -m fastembed warmup",
        description="Compile every Numba kernel for float32 and float64 and keep the machine code "
        "(beside the package, or in NUMBA_CACHE_DIR), so that the first call in a later process is "
        "fast.",
    )
    parser.parse_args(argv)
    counts = {"compiled": 0, "cached": 0}
    start = time.perf_counter()

    def report(name, dtype, seconds, how):
        counts[how] += 1
        print(f"{name:42} {dtype:8} {seconds:7.3f} s  {how}", flush=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a cache folder that cannot be written is said below
        walk(report)
    folder = _code.folder()
    total = time.perf_counter() - start
    print(f"{counts['compiled']} compiled, {counts['cached']} from the cache, {total:.1f} s")
    if folder is None:
        print("nothing is kept: no cache folder can be written; set NUMBA_CACHE_DIR to one")
    else:
        print("cache:", folder)
    return 0
