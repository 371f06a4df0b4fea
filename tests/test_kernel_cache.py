"""Kernels' machine code in files: found without Numba; trouble with files never costs a result."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from fastembed.cli import kernel_list
from fastembed.kernels import _args, _code, _jit

CALLS = """
import sys
import numpy as np
from fastembed import ops
print(ops.segment_sum(np.ones((2, 3)), [0]).sum(), ops.scale([np.ones(3)], 2))
print(ops.softmax_backward(np.eye(4), np.full((4, 4), 0.25))[0, 0], "numba" in sys.modules)
"""  # kernels that are compiled soon
COMPILED, FOUND = (f"6.0 None\n0.1875 {numba}\n" for numba in (True, False))


def run(folder, before="", code=CALLS):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(before) + textwrap.dedent(code)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with what CALLS needs, and its files' contents."""
    folder = tmp_path_factory.mktemp("cache")
    done = run(folder)
    assert done.stdout == COMPILED and done.stderr == "", done.stderr
    files = {file: file.read_bytes() for file in folder.rglob("*.o")}
    assert len(files) == 3
    return folder, files


def test_code_that_is_kept_needs_no_numba(filled):
    done = run(filled[0])
    assert done.stdout == FOUND and done.stderr == ""


def test_files_that_are_damaged_are_made_again(filled):
    folder, files = filled
    (a, x), (b, y), (c, z) = files.items()
    a.write_bytes(x[:5])
    b.write_bytes(y[: len(y) // 2])
    c.write_bytes(z[:-1] + bytes([z[-1] ^ 1]))
    done = run(folder)
    assert done.stdout == COMPILED and done.stderr == ""
    assert {*folder.rglob("*.o")} == files.keys()
    assert run(folder).stdout == FOUND


def test_code_of_another_cpu_or_llvm_or_source_is_not_taken(filled, monkeypatch):
    folder, files = filled
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder))
    for file, content in files.items():
        file.write_bytes(content)
    kept = [("optim.scale", "float64"), ("loss.softmax_backward", "float64")]
    assert all(_code.kept(*entry) for entry in kept)
    triple, cpu, features = _code.machine()
    for module, name, other in [
        (_code, "machine", lambda: (triple, cpu, features + ",+other")),
        (_code.llvmlite, "__version__", "0"),
        (_code, "_source", lambda: b"another kernel"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, other)
            _code._ending.cache_clear()
            assert not any(_code.kept(*entry) for entry in kept), name
        _code._ending.cache_clear()


def test_a_kernel_is_loaded_again_where_loading_it_was_interrupted(monkeypatch):
    class Interrupted(dict):
        def __setitem__(self, *_):
            raise KeyboardInterrupt

    monkeypatch.setattr(_code, "_linked", Interrupted())
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            _code.address("optim.scale", "float64")
    monkeypatch.setattr(_code, "_linked", {})
    assert _code.address("optim.scale", "float64")


def test_a_full_disk(tmp_path):
    full = """
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    """
    done = run(tmp_path, full)
    assert done.stdout == COMPILED, done.stderr
    assert done.stderr.count("File too large); set NUMBA_CACHE_DIR to") == 1
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_an_error_that_is_not_the_caches_is_raised(monkeypatch):
    @_jit.kernel
    def broken(lo, hi):
        return undefined_name  # noqa: F821

    monkeypatch.setitem(_jit.ENTRIES, "embedding.broken", broken)
    with pytest.raises(Exception, match="undefined_name"):
        _code.address("embedding.broken", "float32")
    assert _code._warned == []


@pytest.mark.parametrize("name", kernel_list.entries())
def test_a_kernel_is_one_function_that_needs_the_c_library_alone(name):
    """No allocation, no error, nothing of Numba's: else its code is not kept."""
    for real in kernel_list.dtypes(name):
        _code.address(name, real)
        assert _code.kept(name, real), _jit.foreign(_jit.compile(name, real))


@pytest.mark.parametrize("name", ["NRT_MemInfo_alloc", "llvm.trap", "outside"])
def test_a_kernel_that_allocates_raises_or_calls_is_seen(name, monkeypatch):
    monkeypatch.setattr(_jit, "ENTRIES", {})

    @_jit.kernel
    def outside(hi):
        return hi if hi < 2 else outside(hi - 1) + outside(hi - 2)

    @_jit.kernel
    def kernel(out: _args.ids, lo, hi):
        if name == "NRT_MemInfo_alloc":
            np.ones(hi)[lo] = 1
        elif name == "llvm.trap":
            if lo > hi:
                raise ValueError
        else:
            out[0] = outside(hi)

    _jit.ENTRIES["embedding.kernel"] = kernel
    found = _jit.foreign(_jit.compile("embedding.kernel", "float64"))
    assert any(name in symbol for symbol in found), found


def test_an_entry_leaves_what_numba_compiles_for_others_alone(monkeypatch):
    @_jit.kernel
    def kernel(out: _args.ids, lo, hi):
        out[lo:hi] = 1

    monkeypatch.setitem(_jit.ENTRIES, "embedding.kernel", kernel)
    assert not _jit.foreign(_jit.compile("embedding.kernel", "float64"))
    assert not kernel.overloads
    out = np.zeros(3, np.int64)
    kernel(out, 0, 2)
    assert [*out] == [1, 1, 0] and len(kernel.overloads) == 1
