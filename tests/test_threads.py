"""The pool: every unit once, no waiting for sleepers, signals, forks, exits, many callers."""

import ctypes
import os
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from helpers import python

import fastembed
from fastembed.runtime import pool

SLICE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


def share(n, run, grain=1, ns=1e9):
    """Call run(lo, hi, member) through the pool; workers take the GIL only inside of it."""
    function = SLICE(lambda args, lo, hi, member: run(lo, hi, member))
    pool.run(ctypes.cast(function, ctypes.c_void_p).value, 0, n, grain, ns)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("grain", [1, 16])
@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 100, 1000])
def test_slices_cover_the_range_once(set_threads, count, grain, n):
    set_threads(count)
    hits = np.zeros(n, int)
    slices = []

    def run(lo, hi, member):
        slices.append((lo, member))
        hits[lo:hi] += 1

    share(n, run, grain)
    assert (hits == 1).all()
    assert all(lo % grain == 0 and 0 <= member < count for lo, member in slices)


def test_work_is_shared_out_and_small_work_stays_on_the_caller(set_threads):
    set_threads(3)
    threads, members = set(), set()
    barrier = threading.Barrier(3)

    def run(lo, hi, member):
        if lo < 3:
            barrier.wait(20)  # only passes when three slices run at the same time
        threads.add(threading.get_ident())
        members.add(member)

    share(3, run)
    assert len(threads) == 3 and members == {0, 1, 2}
    calls = []
    share(100, lambda *slice: calls.append((slice, threading.get_ident())), ns=1000)
    assert calls == [((0, 100, 0), threading.get_ident())]


def test_the_caller_takes_what_no_worker_has_begun(set_threads):
    set_threads(2)
    began, done = threading.Event(), []

    def first(lo, hi, member):  # keeps the only worker busy
        if member == 1:
            began.set()
            time.sleep(0.3)
        elif not began.is_set():
            began.wait(10)

    other = threading.Thread(target=lambda: share(2, first))
    other.start()
    began.wait(10)
    start = time.monotonic()
    share(50, lambda lo, hi, member: done.append((hi - lo, member)))
    assert sum(length for length, _ in done) == 50 and {member for _, member in done} == {0}
    assert time.monotonic() - start < 0.25  # did not wait for the busy worker
    other.join()


def test_sharing_from_inside_a_slice_ends(set_threads):
    set_threads(2)
    inner = []
    share(2, lambda lo, hi, member: share(4, lambda a, b, m: inner.append(b - a)))
    assert sum(inner) == 8


def test_short_calls_wake_a_worker_only_where_they_follow_each_other(set_threads):
    set_threads(2)
    members, end = set(), time.monotonic() + 20

    def call():
        share(2, lambda lo, hi, member: members.add(member), ns=10_000)

    for _ in range(20):
        time.sleep(0.001)  # any worker is asleep by now
        call()
    assert members == {0}
    while members == {0} and time.monotonic() < end:
        call()
    assert members == {0, 1}


def test_many_callers_at_once(set_threads):
    set_threads(4)
    totals = np.zeros(8, int)

    def call(k):
        for _ in range(200):
            hits = np.zeros(64, int)
            share(64, lambda lo, hi, member, hits=hits: np.add.at(hits, slice(lo, hi), 1))
            totals[k] += (hits == 1).all()

    callers = [threading.Thread(target=call, args=(k,)) for k in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    assert (totals == 200).all()


def test_a_worker_that_loses_its_cpu_gives_the_caller_a_rest_from_it(set_threads):
    set_threads(2)

    def run(lo, hi, member):
        time.sleep(0.03 if member else 0.001)  # as if another program had the worker's CPU

    rests = []
    for _ in range(20):
        share(2, run)
        rests.append(pool.resting())
        if rests[-1]:
            break
    assert 0 < rests[-1] <= 0.64
    callers = set()
    share(2, lambda lo, hi, member: callers.add(member))
    assert callers == {0} or not pool.resting()
    set_threads(2)
    assert pool.resting() == 0


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2", None])
def test_thread_counts_that_make_no_sense_are_refused(value):
    with pytest.raises(ValueError, match="n must be an integer >= 1, got"):
        fastembed.set_num_threads(value)


PRELUDE = """
import ctypes, os, signal, sys, threading, time
import numpy as np
import fastembed
from fastembed import ops
from fastembed.runtime import pool
SLICE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
def share(n, run, grain=1, ns=1e9):
    function = SLICE(lambda args, lo, hi, member: run(lo, hi, member))
    pool.run(ctypes.cast(function, ctypes.c_void_p).value, 0, n, grain, ns)
fastembed.set_num_threads(2)
signal.signal(signal.SIGINT, signal.default_int_handler)
usleep = ctypes.cast(ctypes.CDLL(None).usleep, ctypes.c_void_p).value
def naps(n, microseconds, ns):
    # slices that sleep without Python, whose signals would be raised inside of them
    pool.run(usleep, microseconds, n, 1, ns)
"""


def run_python(code, prelude=PRELUDE, **environment):
    return python("-c", prelude + textwrap.dedent(code), env={**os.environ, **environment})


def test_environment_sets_the_thread_count():
    code = "import fastembed; print(fastembed.get_num_threads())"
    assert run_python(code, "", FASTEMBED_NUM_THREADS="5").stdout == "5\n"
    assert run_python(code, "", FASTEMBED_NUM_THREADS="").stdout.strip().isdigit()
    for bad in ("0", "many", "1.5"):
        result = run_python(code, "", FASTEMBED_NUM_THREADS=bad)
        assert "FASTEMBED_NUM_THREADS must be an integer >= 1, got" in result.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_default_is_the_cpus_this_process_may_use():
    code = (
        "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1]);"
        "import fastembed; print(fastembed.get_num_threads())"
    )
    assert run_python(code, "", FASTEMBED_NUM_THREADS="").stdout == "1\n"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_workers_keep_off_the_cpu_of_their_caller():
    code = """
    cpus = os.sched_getaffinity(0)
    before = set(os.listdir("/proc/self/task"))
    for _ in range(200):
        share(2, lambda lo, hi, member: time.sleep(0.001))
        (worker,) = set(os.listdir("/proc/self/task")) - before
        theirs = os.sched_getaffinity(int(worker))
        if len(theirs) < len(cpus) or len(cpus) == 1:
            break
    print(len(cpus) - len(theirs), theirs <= cpus, os.sched_getaffinity(0) == cpus)
    """
    away = 1 if len(os.sched_getaffinity(0)) > 1 else 0
    result = run_python(code)
    assert result.stdout == f"{away} True True\n", result.stderr


@pytest.mark.parametrize("when", [0.05, 0.2])
def test_ctrl_c_is_raised_after_a_short_call(when):
    code = f"""
    threading.Timer({when}, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        while True:
            naps(8, 2000, 1.6e7)
    except KeyboardInterrupt:
        print("interrupted")
    done = []
    share(8, lambda lo, hi, member: done.append(hi - lo))
    print(sum(done), pool.resting() >= 0)
    """
    assert run_python(code).stdout == "interrupted\n8 True\n"


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_long_call_is_left_within_a_second(threads):
    code = f"""
    class Stop(Exception):
        pass
    def stop(*_):
        raise Stop
    signal.signal(signal.SIGALRM, stop)
    for number, error in ((signal.SIGINT, KeyboardInterrupt), (signal.SIGALRM, Stop)):
        fastembed.set_num_threads({threads})
        threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
        start = time.monotonic()
        try:
            naps(2000, 20_000, 2e10)
        except error:
            print(time.monotonic() - start < 1.3)
    """
    result = run_python(code)
    assert result.stdout == "True\nTrue\n", result.stderr


def test_an_op_in_a_signal_handler_in_the_midst_of_a_call():
    code = """
    W, ids = np.ones((50_000, 64), "f"), np.zeros(60_000, np.int64)
    sums = []
    signal.signal(signal.SIGALRM, lambda *_: sums.append(ops.gather(W, ids).sum()))
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGALRM)).start()
    share(60, lambda lo, hi, member: time.sleep(0.02 * (hi - lo)), ns=6e9)
    print(sums == [W[ids].sum()])
    """
    result = run_python(code)
    assert result.stdout == "True\n", result.stderr


def test_an_op_in_a_finaliser_at_exit_ends():
    code = """
    class Late:
        gather, W, ids = ops.gather, np.ones((50_000, 64), "f"), np.zeros(60_000, np.int64)
        def __del__(self):
            os.write(1, b"%d\\n" % self.gather(self.W, self.ids).shape[0])
    Late.gather = staticmethod(ops.gather)
    late = Late()
    late.gather(late.W, late.ids)
    sys.modules["kept"] = late
    """
    result = run_python(code)
    assert result.stdout == "60000\n", result.stderr


FIRST = """
W, ids = np.arange(64_000, dtype="f").reshape(1000, 64), np.arange(9000) * 7 % 1000
rows = W[ids]
def work(*_):
    return (ops.gather(W, ids) == rows).all()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forks_while_other_threads_use_the_pool():
    code = """
    stop = threading.Event()
    def busy():
        while not stop.is_set():
            work()
    other = threading.Thread(target=busy)
    other.start()
    ends = []
    for _ in range(20):
        child = os.fork()
        if child == 0:
            os._exit(0 if work() and work() else 1)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.set()
    other.join()
    print(ends == [0] * 20, work())
    """
    result = run_python(code, PRELUDE + FIRST)
    assert result.stdout == "True True\n", result.stderr


def test_ids_that_another_thread_changes_are_never_followed():
    """A call sees good ones and gives its result, or bad ones and gives an error."""
    code = """
    from fastembed.tables import QuantizedTable
    X, scores, h = (np.zeros(shape, "f") for shape in [(9000, 8), (9000, 1000), (3000, 64)])
    targets, bits = ids[:9000].reshape(3000, 3), np.zeros((3000, 3), int)
    xs, vectors = np.zeros((1000, 1000, 1), "f"), np.zeros((1, 1000, 8), "f")
    shares, words, one = np.full(1000, 0.05, "f"), np.arange(1000), np.ones((1, 1), "f")
    calls = [
        work,
        lambda: ops.scatter_add(np.zeros_like(W), ids, rows),
        lambda: ops.softmax_cross_entropy(scores, ids),
        lambda: ops.linear_cross_entropy(X, np.zeros((8, 1000), "f"), np.zeros(1000, "f"), ids),
        lambda: ops.negative_sampling_loss(h, W, targets, bits),
        lambda: ops.embedding_bag(W, ids.reshape(900, 10)),
        lambda: ops.embedding_bag(W, ids, np.arange(0, 9000, 10), mode="max", padding_idx=0),
        lambda: ops.embedding_bag_backward(rows[:900], W, ids.reshape(900, 10)),
        lambda: ops.coalesce(ids, rows, 1000),
        lambda: QuantizedTable(W.astype(np.float16)).gather(ids),
        lambda: ops.train_word2vec(vectors, vectors.copy(), ids, shares, shares, words),
        lambda: ops.rnn(xs, one, one, one[0], lengths=ids[::9]),
    ]
    good, done, ends = ids.copy(), threading.Event(), []
    def change():
        while not done.is_set():
            ids[:] = 2**40
            ids[:] = good
            time.sleep(1e-5)
    threading.Thread(target=change).start()
    while len(ends) < 200 or (len(set(ends)) < 2 and len(ends) < 5000):  # until both were seen
        try:
            calls[len(ends) % len(calls)]()
            ends.append("result")
        except (IndexError, ValueError):  # of lengths and offsets
            ends.append("error")
    done.set()
    print(*sorted(set(ends)))
    """
    result = run_python(code, PRELUDE + FIRST)
    assert result.stdout == "error result\n", result.stdout + result.stderr


def test_another_number_of_threads_during_the_first_shared_calls():
    code = """
    good, done = [], threading.Event()
    def change():
        while not done.is_set():
            for n in (1, 3, 1, 2):
                fastembed.set_num_threads(n)
    threading.Thread(target=change).start()
    callers = [threading.Thread(target=lambda: good.extend(map(work, range(50)))) for _ in "ab"]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    done.set()
    print(len(good), all(good))
    """
    result = run_python(code, PRELUDE + FIRST)
    assert result.stdout == "100 True\n", result.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_while_another_thread_compiles_its_first_kernel(tmp_path):
    code = """
    ops.gather  # its module is there, its kernel is not
    other = threading.Thread(target=work)
    other.start()
    time.sleep(0.3)
    compiling, child = other.is_alive(), os.fork()
    if child == 0:
        os._exit(0 if work() else 1)
    other.join()
    print(compiling, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), work())
    """
    result = run_python(code, PRELUDE + FIRST, NUMBA_CACHE_DIR=str(tmp_path))
    assert result.stdout == "True 0 True\n", result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_without_threads_to_be_had_the_caller_does_all():
    code = """
    import resource
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 20), resource.RLIM_INFINITY))
    members = []
    share(8, lambda lo, hi, member: members.append((hi - lo, member)))
    print(sum(n for n, _ in members), {member for _, member in members})
    """
    result = run_python(code)
    assert result.stdout == "8 {0}\n", result.stderr


CALLERS = """
rng = np.random.default_rng(0)
N, T, D, H, V = 20, 10, 33, 50, 3000
xs, Wx, Wh = (rng.standard_normal(s, "f") for s in [(N, T, D), (D, 4 * H), (H, 4 * H)])
b, dhs, W = (rng.standard_normal(s, "f") for s in [4 * H, (N, T, H), (V, 64)])
ids, labels = rng.integers(0, V, 5000), rng.integers(0, 900, 200)
rows, scores = rng.standard_normal((5000, 64), "f"), rng.standard_normal((200, 900), "f")
def work():
    *forward, cache = ops.lstm(xs, Wx, Wh, b)
    backward = ops.lstm_backward(dhs, cache)
    dW = ops.scatter_add(np.empty_like(W), ids, rows, zero=True)
    return *forward, *backward, dW, *ops.softmax_cross_entropy(scores, labels)
def bits():
    return b"".join(np.asarray(array).tobytes() for array in work())
fastembed.set_num_threads(1)
alone = bits()
fastembed.set_num_threads(int(os.environ["FASTEMBED_NUM_THREADS"]))
counts, end = [0] * 8, time.monotonic() + float(sys.argv[1])
def call(k):
    while time.monotonic() < end:
        assert bits() == alone
        counts[k] += 1
callers = [threading.Thread(target=call, args=(k,)) for k in range(8)]
for caller in callers:
    caller.start()
for caller in callers:
    caller.join()
print("calls", sum(counts), min(counts) > 0)
"""


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("threads, beside_others", [(2, False), (7, True)])
def test_eight_callers_at_once_get_the_bits_of_a_run_alone(threads, beside_others, seconds):
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() if beside_others else 0)
    ]
    try:
        env = {**os.environ, "FASTEMBED_NUM_THREADS": str(threads)}
        result = python("-c", PRELUDE + CALLERS, seconds, env=env)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert result.stderr == "" and result.stdout.endswith("True\n"), result.stdout + result.stderr
    print(result.stdout)
