"""What the beginning costs: import, first call with a warm cache, compilation with a cold one."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

IMPORT = """
import time
a = time.perf_counter()
import numpy
b = time.perf_counter()
import fastembed
c = time.perf_counter()
print(b - a, c - b)
"""
FIRST_CALL = """
import time
import numpy as np
import fastembed
from fastembed.bench import cases
{before}
op = cases.OPS[{op!r}]
x = cases.Case({op!r}, op.small, op.ids[-1]).inputs()
a = time.perf_counter()
run = op.make(fastembed.ops, *x)
run()
b = time.perf_counter()
run()
c = time.perf_counter()
print(b - a, c - b)
"""
FIRST_CALLS = (
    "gather",
    "scatter_add",
    "lstm fwd+bwd",
    "softmax_cross_entropy",
    "adam",
    "time_attention fwd+bwd",
)


def _python(code, **variables):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, **variables},
    )
    return [float(word) for word in done.stdout.split()[-2:]]


def measure(quick, say):
    """What -> seconds: import, first calls, and compiling every kernel (not when quick)."""
    repeats = 3 if quick else 7
    say("import")
    imports = [_python(IMPORT) for _ in range(repeats)]
    numpy, ours = map(statistics.median, zip(*imports, strict=True))
    found = {"import numpy": numpy, "import fastembed, over import numpy": ours}
    for op in FIRST_CALLS[: 3 if quick else None]:
        say(f"first call of {op}")
        for after, before in (("", ""), ("after import numba ", "import numba")):
            seconds = _first_call(FIRST_CALL.format(op=op, before=before), repeats - 2)
            found[f"first call {after}of {op}, over the second, warm cache"] = seconds
    if not quick:
        with tempfile.TemporaryDirectory() as folder:
            say("compiling every kernel")
            for cache in ("cold", "warm"):
                found[f"fastembed warmup, {cache} cache"] = _warmup(folder)
    return found


def _first_call(code, repeats):
    """Median seconds of a first call beyond the second one, in new processes with a full cache."""
    _python(code)
    rows = [_python(code) for _ in range(repeats)]
    return statistics.median(first - second for first, second in rows)


def _warmup(folder):
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "fastembed", "warmup"],
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=300,
        env={**os.environ, "NUMBA_CACHE_DIR": folder},
    )
    return time.perf_counter() - start
