"""``python -m fastembed warmup``: compile and cache every Numba kernel, before it is needed."""

import time
import warnings
from collections import Counter

from fastembed.cli import kernel_list
from fastembed.cli.options import Parser


def main(argv):
    from fastembed.kernels._jit import REALS

    Parser(
        prog="python -m fastembed warmup",
        description="Compile every Numba kernel for float32 and float64 and keep the machine code "
        "in Numba's cache folder (beside the package, or NUMBA_CACHE_DIR), so that the first call "
        "in a later process is fast.",
    ).parse_args(argv)
    counts, entries = Counter(), kernel_list.entries()
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a cache folder that cannot be written is said below
        for entry in entries:
            for real in REALS:
                start = time.perf_counter()
                how = "cached" if entry.compile(real).cache_hits else "compiled"
                counts[how] += 1
                seconds = time.perf_counter() - start
                print(f"{entry.name:42} {real:8} {seconds:7.3f} s  {how}", flush=True)
    total = time.perf_counter() - began
    print(f"{counts['compiled']} compiled, {counts['cached']} from the cache, {total:.1f} s")
    folders = set(map(kernel_list.cache_folder, entries))
    if None in folders:
        print("nothing is kept: no cache folder can be written; set NUMBA_CACHE_DIR to one")
    else:
        print("cache:", ", ".join(sorted(map(str, folders))))
    return 0
