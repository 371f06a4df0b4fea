"""Workers keep off their caller's CPU, where there is another one; the caller is left alone.

The system's calls are replaced, so that the tests do not depend on the CPUs of the machine.
"""

import os
import types

import pytest

from fastembed import _placement, threads

WORKER = types.SimpleNamespace(native_id=4711)


class System:
    """What the system tells, and the CPUs that each thread was given."""

    cpu, allowed = 0, {0, 1, 2}

    def __init__(self):
        self.given = {}

    def place(self, thread, cpus):
        self.given[thread] = set(cpus)


@pytest.fixture
def system(monkeypatch):
    system = System()
    monkeypatch.setattr(_placement, "_getcpu", lambda: system.cpu)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(system.allowed), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", system.place, raising=False)
    return system


def test_a_worker_keeps_off_the_caller_wherever_it_goes(system):
    placement = _placement.Placement()
    for system.cpu in (0, 2, 1):
        placement.keep_off_caller([WORKER], 1)
        assert system.given == {WORKER.native_id: {0, 1, 2} - {system.cpu}}


def test_nothing_is_asked_of_the_system_while_the_caller_stays(system):
    placement = _placement.Placement()
    placement.keep_off_caller([WORKER], 1)
    system.given.clear()
    placement.keep_off_caller([WORKER], 1)
    assert system.given == {}
    placement.forget()
    placement.keep_off_caller([WORKER], 1)
    assert system.given == {WORKER.native_id: {1, 2}}


@pytest.mark.parametrize(("wanted", "cpus"), [(1, {1, 2}), (2, {1, 2}), (3, {0, 1, 2})])
def test_as_many_workers_as_cpus_may_run_everywhere(system, wanted, cpus):
    _placement.Placement().keep_off_caller([WORKER], wanted)
    assert system.given == {WORKER.native_id: cpus}


def test_a_caller_with_one_cpu_shares_it(system):
    system.allowed = {0}
    _placement.Placement().keep_off_caller([WORKER], 1)
    assert system.given == {WORKER.native_id: {0}}


def test_a_worker_that_cannot_be_placed_does_no_harm(system, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    _placement.Placement().keep_off_caller([WORKER], 1)


def test_a_system_that_cannot_place_threads_is_left_alone(system, monkeypatch):
    monkeypatch.setattr(_placement, "_getcpu", None)
    _placement.Placement().keep_off_caller([WORKER], 1)
    assert system.given == {}


def test_the_pool_places_its_workers(system, monkeypatch):
    monkeypatch.setattr(threads, "_num_threads", 2)
    monkeypatch.setattr(threads._pool, "placement", _placement.Placement())
    threads.share(2, lambda lo, hi: None)
    assert system.given and all(cpus == {1, 2} for cpus in system.given.values())
    assert set(system.given) == {worker.native_id for worker in threads._pool.workers}
