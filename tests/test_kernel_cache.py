"""Trouble with Numba's cache costs time and one warning, never a result."""

import os
import subprocess
import sys
import textwrap

import pytest

CALLS = """
import numpy as np
from fastembed import ops
print(ops.gather(np.ones((2, 3)), [0]).sum(), ops.scale([np.ones(3)], 2))
print(ops.softmax(np.ones(4))[0])
"""
RESULT = "3.0 None\n0.25\n"


def run(folder, before=""):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(before) + CALLS],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("kept", [0, 5, 0.5])
@pytest.mark.parametrize("files", ["*.nbi", "*.nbc"])
def test_files_that_are_cut_short(tmp_path, files, kept):
    assert run(tmp_path).stderr == ""
    found = list(tmp_path.rglob(files))
    assert len(found) >= 3
    for file in found:
        content = file.read_bytes()
        file.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    done = run(tmp_path)
    assert done.stdout == RESULT, done.stderr
    assert done.stderr.count("Numba's cache cannot be used") == 1


def test_a_full_disk(tmp_path):
    full = """
    import errno
    from numba.core import caching
    def save(*_):
        raise OSError(errno.ENOSPC, "No space left on device")
    caching.IndexDataCacheFile.save = save
    """
    done = run(tmp_path, full)
    assert done.stdout == RESULT, done.stderr
    assert done.stderr.count("No space left on device); set NUMBA_CACHE_DIR to") == 1


def test_an_error_that_is_not_the_caches_is_raised():
    code = """
    from fastembed.kernels import _jit
    @_jit.entry
    def broken(args, lo, hi, member):
        return undefined_name
    try:
        broken.compile("float32")
    except Exception as error:
        print("undefined_name" in str(error), len(_jit._warned))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert done.stdout == "True 0\n", done.stderr
