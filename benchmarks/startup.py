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
    """Seconds of import, of first calls, and of compiling every kernel (not when quick).

    Returns
    -------
    dict
        ``import_numpy`` and ``import_fastembed`` (beyond NumPy's); ``first_call``: op -> seconds
        of the first call beyond the second; ``first_call_after_numba``: the same where Numba is
        imported before; ``compile``: seconds of ``warmup`` in an empty cache and, for comparison,
        in a full one.
    """
    repeats = 3 if quick else 7
    say("import")
    imports = [_python(IMPORT) for _ in range(repeats)]
    found = {
        "import_numpy": statistics.median(row[0] for row in imports),
        "import_fastembed": statistics.median(row[1] for row in imports),
        "first_call": {},
        "first_call_after_numba": {},
    }
    for op in FIRST_CALLS[: 3 if quick else None]:
        say(f"first call of {op}")
        for key, before in (("first_call", ""), ("first_call_after_numba", "import numba")):
            found[key][op] = _first_call(FIRST_CALL.format(op=op, before=before), repeats - 2)
    if not quick:
        with tempfile.TemporaryDirectory() as folder:
            say("compiling every kernel")
            found["compile"] = {state: _warmup(folder) for state in ("cold", "warm")}
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
