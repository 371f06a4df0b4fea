"""The thread pool: every slice once, errors and Ctrl-C handed on, safe after fork, BLAS limits."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from fastembed import threads


@pytest.fixture(autouse=True)
def thread_count():
    before = threads.get_num_threads()
    yield threads.set_num_threads
    threads.set_num_threads(before)


def blas_threads():
    return [
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("align", [1, 16])
@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 100, 1000])
def test_slices_cover_the_range_once(thread_count, count, align, n):
    thread_count(count)
    hits = np.zeros(n, int)
    slices = []

    def run(lo, hi):
        slices.append((lo, hi))
        hits[lo:hi] += 1

    threads.share(n, run, align=align)
    assert (hits == 1).all()
    assert len(slices) <= count
    assert all(lo % align == 0 for lo, _ in slices)


def test_work_is_shared_out_and_small_work_stays_serial(thread_count):
    thread_count(3)
    names = set()
    barrier = threading.Barrier(3)

    def run(lo, hi):
        barrier.wait(10)  # only passes when three slices run at the same time
        names.add(threading.current_thread().name)

    threads.share(3, run)
    assert len(names) == 3
    alone = []
    threads.share(100, lambda lo, hi: alone.append(threading.current_thread()), grain=51)
    assert alone == [threading.current_thread()]


@pytest.mark.parametrize("bad", [0, 1])
def test_an_error_in_a_slice_reaches_the_caller_after_all_slices(thread_count, bad):
    thread_count(2)
    done = []

    def run(lo, hi):
        if lo == bad:
            raise OverflowError("slice")
        time.sleep(0.05)
        done.append(lo)

    with pytest.raises(OverflowError, match="slice"):
        threads.share(2, run)
    assert done == [1 - bad]


def test_sharing_from_inside_a_slice_stays_serial(thread_count):
    thread_count(2)
    inner = []
    threads.share(2, lambda lo, hi: threads.share(4, lambda a, b: inner.append(b - a)))
    assert sum(inner) == 8


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2", None])
def test_thread_counts_that_make_no_sense_are_refused(value):
    with pytest.raises(ValueError, match="n must be an integer >= 1, got"):
        threads.set_num_threads(value)


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_environment_sets_the_thread_count():
    code = "import fastembed; print(fastembed.get_num_threads())"
    assert run_python(code, FASTEMBED_NUM_THREADS="5").stdout == "5\n"
    assert run_python(code, FASTEMBED_NUM_THREADS="").stdout.strip().isdigit()
    for bad in ("0", "many", "1.5"):
        result = run_python(code, FASTEMBED_NUM_THREADS=bad)
        assert "FASTEMBED_NUM_THREADS must be an integer >= 1, got" in result.stderr


def test_default_is_the_cpus_this_process_may_use():
    code = (
        "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1]);"
        "import fastembed; print(fastembed.get_num_threads())"
    )
    assert run_python(code, FASTEMBED_NUM_THREADS="").stdout == "1\n"


def test_gang_members_run_together(thread_count):
    for size in (1, 2, 5):
        barrier = threading.Barrier(size)
        members = []

        def run(member, sync, barrier=barrier, members=members):
            assert sync.shape == (16,) and not sync.any()
            barrier.wait(10)
            members.append(member)

        threads.run_gang(size, run)
        assert sorted(members) == list(range(size))


def test_gangs_of_two_callers_do_not_wait_for_each_other(thread_count):
    thread_count(2)

    def call():
        barriers = iter([threading.Barrier(3) for _ in range(20)])
        for barrier in barriers:
            threads.run_gang(3, lambda member, sync, b=barrier: b.wait(20))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert not any(caller.is_alive() for caller in callers)


@pytest.mark.parametrize("failing", [0, 1])
def test_a_gang_lets_go_when_a_member_fails(failing):
    def run(member, sync):
        if member == failing:
            raise OverflowError("member")
        until = time.monotonic() + 20
        while not sync[15]:
            assert time.monotonic() < until, "nobody said that a member failed"
            time.sleep(0.001)

    with pytest.raises(OverflowError, match="member"):
        threads.run_gang(2, run)


def test_blas_is_limited_while_anyone_asks_and_restored_after():
    before = blas_threads()
    assert before
    with threads.one_blas_thread():
        with threads.one_blas_thread():
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_overlapping_blas_limits_of_two_threads_restore_the_original():
    before = blas_threads()
    first_left, second_entered = threading.Event(), threading.Event()

    def second():
        with threads.one_blas_thread():
            second_entered.set()
            first_left.wait(10)

    other = threading.Thread(target=second)
    with threads.one_blas_thread():
        other.start()
        second_entered.wait(10)
    assert set(blas_threads()) == {1}
    first_left.set()
    other.join()
    assert blas_threads() == before


def test_fork_after_the_pool_was_used(thread_count):
    thread_count(3)
    threads.share(3, lambda lo, hi: None)
    with threads.one_blas_thread():
        child = os.fork()
        if child == 0:
            hits = []
            threads.share(3, lambda lo, hi: hits.append(lo))
            ok = sorted(hits) == [0, 1, 2] and threads._blas.callers == 0
            os._exit(0 if ok else 1)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the child hangs")
    assert os.waitstatus_to_exitcode(status) == 0


def test_ctrl_c_waits_for_the_slices_and_the_pool_works_on():
    code = """
import os, signal, threading, time
from fastembed import threads
threads.set_num_threads(2)
done = []
def run(lo, hi):
    if lo:
        time.sleep(0.3)
        done.append(lo)
    else:
        time.sleep(0.1)
for moment in (0.05, 0.2):  # in the caller's own slice, and while it waits for the other
    timer = threading.Timer(moment, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        threads.share(2, run)
    except KeyboardInterrupt:
        print("interrupted", len(done))
threads.share(2, run)
print(len(done))
"""
    result = run_python(code)
    assert result.stdout.split("\n")[:3] == ["interrupted 1", "interrupted 2", "3"], result.stderr
