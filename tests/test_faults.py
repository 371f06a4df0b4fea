"""Memory and threads that are not to be had, CPUs taken away, caches that two processes fill.

``FASTEMBED_FAULTS=2000 pytest tests/test_faults.py`` for more. Files on full disks and writers that
are killed: ``test_files.py``; damaged caches: ``test_kernel_cache.py``.
"""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from helpers import linux, python
from test_kernel_cache import CALLS as FIRST_CALLS
from test_kernel_cache import COMPILED, FOUND

FAULTS = int(os.environ.get("FASTEMBED_FAULTS", 240))
TESTS = Path(__file__).parent

# malloc and its like, and threads: those from the first to the last one counted fail
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
static atomic_long count, first = -1, last, failed, threads_fail;
static int fails(void)
{
    if (first < 0)
        return 0;
    long n = count++;
    if (n < first || n >= last)
        return 0;
    failed++;
    errno = ENOMEM;
    return 1;
}
void fail_at(long from, long to) { count = 0; last = to; first = from; }
long faults(void) { return failed; }
void fail_threads(int yes) { threads_fail = yes; }
void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return fails() ? NULL : __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { return fails() ? NULL : __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n)
{
    if (fails())
        return ENOMEM;
    *p = __libc_memalign(a, n);
    return *p ? 0 : ENOMEM;
}
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (threads_fail) {
        failed++;
        return EAGAIN;
    }
    if (!real)
        real = dlsym(RTLD_NEXT, "pthread_create");
    return real(t, a, run, arg);
}
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """A library to preload."""
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    command = "gcc -O1 -shared -fPIC -fno-builtin -o shim.so shim.c -ldl"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return str(folder / "shim.so")


PRELUDE = f"""
import ctypes, os, sys
sys.path.insert(0, {str(TESTS)!r})
import numpy as np
import fastembed
from fastembed import ops, runtime
from test_signals import CALLS, bits
fastembed.set_num_threads(2)
"""


def run(code, prelude=PRELUDE, **environment):
    code = prelude + textwrap.dedent(code)
    env = {**os.environ, **environment}
    return python("-X", "faulthandler", "-c", code, env=env, timeout=600)


@linux
def test_any_allocation_may_fail(shim):
    """Each of the first allocations of every kind of call in turn, and all from one on."""
    code = f"""
    library = ctypes.CDLL(None)
    caught = calls = 0
    if np.lib.NumpyVersion(np.__version__) < "2.1.0":
        del CALLS["sparse_steps"]  # its mean crashes without memory
    for name, call in CALLS.items():
        expected = bits(call())
        step = -(-50 * len(CALLS) // {FAULTS})
        for first in range(0, 50, step):
            for last in (first + 1, 1 << 30):
                calls += 1
                try:
                    library.fail_at(first, last)
                    result = call()
                    library.fail_at(-1, 0)
                    assert bits(result) == expected, name
                    del result
                except (MemoryError, SystemError):  # the second one of NumPy's reductions
                    library.fail_at(-1, 0)
                    caught += 1
                assert bits(call()) == expected, name
    print(calls, library.faults(), caught)
    """
    done = run(code, LD_PRELOAD=shim)
    assert done.returncode == 0, done.stderr
    calls, faults, caught = map(int, done.stdout.split())
    assert calls >= FAULTS and faults >= caught > 10
    print(f"{faults} faults in {calls} calls, {caught} MemoryErrors")


@linux
def test_no_threads_to_be_had(shim):
    """The pool asks for its workers, in vain, at every call; then it gets them."""
    code = """
    library = ctypes.CDLL(None)
    fastembed.set_num_threads(1)
    names = "gather", "scatter_add", "negative_sampling"  # the same bits on any number of threads
    expected = {name: bits(call()) for name, call in CALLS.items()}
    fastembed.set_num_threads(3)
    library.fail_threads(1)
    alone = all(bits(CALLS[name]()) == expected[name] for name in names)
    library.fail_threads(0)
    print(alone, library.faults() > 0, all(bits(CALLS[n]()) == expected[n] for n in names))
    """
    done = run(code, LD_PRELOAD=shim)
    assert done.stdout == "True True True\n", done.stderr


@linux
def test_no_memory_for_a_worker(shim):
    """The first shared call, with the allocations that starting a worker needs failing."""
    code = """
    call = CALLS["gather"]
    fastembed.set_num_threads(1)
    expected = bits(call())
    library = ctypes.CDLL(None)
    fastembed.set_num_threads(2)
    try:
        library.fail_at({first}, 1 << 30)
        result = call()
        library.fail_at(-1, 0)
        assert bits(result) == expected
    except MemoryError:
        library.fail_at(-1, 0)
    print(bits(call()) == expected)
    """
    for first in range(4):
        done = run(code.format(first=first), LD_PRELOAD=shim)
        assert done.stdout == "True\n", (first, done.stderr)


@linux
def test_address_space_ends():
    """As containers and ulimit have it: from where nothing is left to where all fits."""
    code = f"""
    import resource
    expected = {{name: bits(call()) for name, call in CALLS.items()}}
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    caught = 0
    for k in range({max(5, FAULTS // 40)}):
        for name, call in CALLS.items():
            resource.setrlimit(resource.RLIMIT_AS, (size + (k << 20), resource.RLIM_INFINITY))
            try:
                result = bits(call())
            except MemoryError:
                caught, result = caught + 1, expected[name]
            finally:
                resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
            assert result == expected[name], name
    print(caught, all(bits(call()) == expected[name] for name, call in CALLS.items()))
    """
    done = run(code)
    assert done.returncode == 0 and done.stdout.endswith(" True\n"), done.stderr
    assert int(done.stdout.split()[0]) > 10


@linux
def test_python_has_no_memory():
    """Each of Python's own allocations in turn."""
    pytest.importorskip("_testcapi")
    code = f"""
    import _testcapi
    caught = 0
    names = "gather", "matmul", "softmax_cross_entropy", "linear_cross_entropy", "lstm"
    names += "bags", "sparse_steps", "word2vec", "quantized"
    if sys.version_info < (3, 12):  # later ones crash where a generator finds no memory
        names += ("padded",)
    for name in names:
        call = CALLS[name]
        expected = bits(call())
        for first in range({max(20, FAULTS // 10)}):
            try:
                _testcapi.set_nomemory(first, first + 1)
                result = call()
                _testcapi.remove_mem_hooks()
                assert bits(result) == expected, name
            except MemoryError:
                _testcapi.remove_mem_hooks()
                caught += 1
            assert bits(call()) == expected, name
    print(caught)
    """
    done = run(code)
    assert done.returncode == 0 and int(done.stdout) > 10, done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_cpus_come_and_go():
    """While calls run, and from the start: with one CPU alone, too."""
    code = """
    import threading
    cpus = os.sched_getaffinity(0)
    expected = {name: bits(call()) for name, call in CALLS.items()}
    stop = threading.Event()
    main = threading.main_thread().native_id
    def change():
        while not stop.wait(0.002):
            for some in ({min(cpus)}, cpus, {max(cpus)}, cpus):
                for task in os.listdir("/proc/self/task"):
                    os.sched_setaffinity(int(task), some)
    changer = threading.Thread(target=change)
    changer.start()
    for _ in range(10):
        for name, call in CALLS.items():
            assert bits(call()) == expected[name], name
    stop.set()
    changer.join()
    os.sched_setaffinity(0, {min(cpus)})
    print(all(bits(call()) == expected[name] for name, call in CALLS.items()),
          os.sched_getaffinity(0) == {min(cpus)}, fastembed.get_num_threads())
    """
    done = run(code)
    assert done.stdout == "True True 2\n", done.stderr


def test_processes_that_fill_one_cache(tmp_path):
    """Several at once, in an empty folder: each has its results and none a word of trouble."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", FIRST_CALLS]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    processes = [subprocess.Popen(command, env=environment, **pipes) for _ in range(3)]
    for process in processes:
        assert process.communicate(timeout=300) in [(COMPILED, ""), (FOUND, "")]
    assert run(FIRST_CALLS, "", **environment).stdout == FOUND


def test_a_cache_that_cannot_be_written(tmp_path):
    """A file where the folder should be; the superuser may write anywhere else."""
    (tmp_path / "file").write_text("")
    done = run(FIRST_CALLS, "", NUMBA_CACHE_DIR=str(tmp_path / "file" / "cache"))
    assert done.stdout == COMPILED, done.stderr
    assert done.stderr.count("the kernels' cache cannot be used") == 1


@linux
def test_little_address_space():
    """Where NumPy can be loaded there is a result, or one error; nothing waits for ever."""
    code = """
    import os, resource
    import numpy as np
    from fastembed import ops
    print(ops.gather(np.eye(3), [1])[0, 1])
    """
    assert run(code, "").stdout == "1.0\n"  # its kernel is kept from now on
    for megabytes, ends in [(100, (0, 1)), (200, (0, 1)), (512, (0,))]:
        limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({megabytes} << 20,) * 2)"
        done = run(code, limit + "\n", OPENBLAS_NUM_THREADS="1")
        assert done.returncode in ends, done.stderr
