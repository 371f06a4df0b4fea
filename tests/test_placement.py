"""Workers keep off their caller's CPU, where there is another one; the caller is left alone."""

import os
import threading

import pytest

from fastembed import _placement

pytestmark = pytest.mark.skipif(_placement._getcpu is None, reason="needs Linux and sched_getcpu")


@pytest.fixture
def worker():
    end = threading.Event()
    thread = threading.Thread(target=end.wait, daemon=True)
    thread.start()
    yield thread
    end.set()
    thread.join(10)


@pytest.fixture
def several_cpus():
    cpus = os.sched_getaffinity(0)
    if len(cpus) < 2:
        pytest.skip("needs two CPUs")
    return cpus


def test_a_worker_keeps_off_the_caller_wherever_it_goes(worker, several_cpus, monkeypatch):
    placement = _placement.Placement()
    for cpu in sorted(several_cpus):
        monkeypatch.setattr(_placement, "_getcpu", lambda cpu=cpu: cpu)
        placement.keep_off_caller([worker], 1)
        assert os.sched_getaffinity(worker.native_id) == several_cpus - {cpu}
    assert os.sched_getaffinity(0) == several_cpus


def test_as_many_workers_as_cpus_may_run_everywhere(worker, several_cpus):
    placement = _placement.Placement()
    placement.keep_off_caller([worker], 1)
    assert len(os.sched_getaffinity(worker.native_id)) == len(several_cpus) - 1
    placement.keep_off_caller([worker], len(several_cpus))
    assert os.sched_getaffinity(worker.native_id) == several_cpus


def test_workers_may_run_where_the_caller_may(worker, several_cpus):
    only = {min(several_cpus)}
    os.sched_setaffinity(0, only)
    try:
        _placement.Placement().keep_off_caller([worker], 1)
        assert os.sched_getaffinity(worker.native_id) == only
    finally:
        os.sched_setaffinity(0, several_cpus)


def test_a_worker_that_cannot_be_placed_does_no_harm(worker, monkeypatch):
    def refuse(*arguments):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    _placement.Placement().keep_off_caller([worker], 1)


def test_the_pool_places_its_workers(several_cpus):
    from fastembed import threads

    before = threads.get_num_threads()
    threads.set_num_threads(2)
    try:
        threads.share(2, lambda lo, hi: None)
    finally:
        threads.set_num_threads(before)
    for worker in threads._pool.workers:
        assert len(os.sched_getaffinity(worker.native_id)) == len(several_cpus) - 1
