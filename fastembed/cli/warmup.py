"""``python -m fastembed warmup``: compile and cache every Numba kernel, before it is needed."""

import time
import warnings
from collections import Counter

from fastembed.cli import kernel_list
from fastembed.cli.options import Parser


def main(argv):
    from fastembed.kernels import _code
    from fastembed.kernels._jit import REALS

    Parser(
        prog="python -m fastembed warmup",
        description="Compile every Numba kernel for float32 and float64 and keep the machine code "
        "(beside the package, or in NUMBA_CACHE_DIR), so that the first call in a later process is "
        "fast.",
        examples=["python -m fastembed warmup"],
    ).parse_args(argv)
    counts, began = Counter(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a cache folder that cannot be written is said below
        for entry in kernel_list.entries():
            for real in REALS:
                start = time.perf_counter()
                how = "cached" if _code.kept(entry, real) else "compiled"
                _code.address(entry, real)
                counts[how] += 1
                seconds = time.perf_counter() - start
                print(f"{entry:42} {real:8} {seconds:7.3f} s  {how}", flush=True)
    folder, total = _code.folder(), time.perf_counter() - began
    print(f"{counts['compiled']} compiled, {counts['cached']} from the cache, {total:.1f} s")
    if folder is None:
        print("nothing is kept: no cache folder can be written; set NUMBA_CACHE_DIR to one")
    else:
        print("cache:", folder)
    return 0
