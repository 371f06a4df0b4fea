"""The table of ops, and the benchmark's runner: nothing is timed that is not right."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import fastembed  # noqa: E402
from benchmarks import cases as everything  # noqa: E402
from benchmarks import table as whole  # noqa: E402
from fastembed import ops  # noqa: E402
from fastembed.bench import cases, load, peers, report, runner, table, worker  # noqa: E402

TINY = cases.Case("gather", {"V": 11, "D": 5, "n": 40}, "uniform")
REFERENCE, OURS = peers.REFERENCE, peers.ours(1)
HERE = Path(__file__).parent


def contender(name):
    return peers.Contender(name, f"bench_contenders:{name}")


@pytest.fixture(scope="module")
def threads():
    before = fastembed.get_num_threads()
    yield
    fastembed.set_num_threads(before)


def small(op, ids=None, dtype="float32"):
    row = everything.OPS[op]
    ids = row.ids[-1] if ids is None else ids
    return cases.Case(op, row.small, ids, dtype, everything.__name__)


def test_every_public_op_is_in_the_table():
    called = set()

    class Recorder:
        def __getattr__(self, name):
            called.add(name)
            return getattr(ops, name)

    for op, row in everything.OPS.items():
        if row.fast == "fastembed.ops":
            row.make(Recorder(), *small(op).inputs())()
    assert called == set(ops.__all__)


SMALL = [
    small(name, ids, dtype)
    for name, op in everything.OPS.items()
    for ids in op.ids
    for dtype in op.tolerance
]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name.replace(" ", "-"))
@pytest.mark.parametrize("n_threads", [1, 2])
def test_fast_equals_reference(case, n_threads, threads):
    fastembed.set_num_threads(n_threads)
    expected, got = (who().task(case).results() for who in (peers.Reference, peers.Ours))
    assert len(expected) == len(got) > 0
    for slow, fast in zip(expected, got, strict=True):
        assert fast.shape == slow.shape and np.all(np.isfinite(slow))
        if slow.ndim:
            assert fast.dtype == slow.dtype
        scale = np.abs(slow).max(initial=0)
        assert np.abs(fast - slow).max(initial=0) <= case.tolerance * scale


def arrays(inputs):
    for part in inputs:
        if isinstance(part, list | tuple):
            yield from arrays(part)
        elif isinstance(part, np.ndarray):
            yield part


def test_inputs_are_equal_by_seed_and_not_constant():
    for op in everything.OPS:
        case = small(op)
        for first, again in zip(arrays(case.inputs()), arrays(case.inputs()), strict=True):
            np.testing.assert_array_equal(first, again)
            assert first.dtype.kind != "f" or first.size == 1 or np.ptp(first) > 0, op


def test_every_layer_of_the_book_is_in_the_table():
    from fastembed.reference import layers

    classes = [thing for thing in vars(layers).values() if isinstance(thing, type)]
    names = {one.__name__ for one in classes if one.__module__ == layers.__name__}
    in_table = {op.split()[0] for op in everything.LAYER_OPS}
    assert {name for name in names if not name.startswith("_")} - in_table == {
        "TimeSmoothedSoftmaxWithLoss",  # not the book's
        "UnigramSampler",
    }


def test_every_cell_is_in_the_table_of_ops():
    for sections in (table.SECTIONS, whole.sections(), whole.sections(quick=True)):
        for section in sections:
            names = [case.name for case in section.cases]
            assert len(set(names)) == len(names) > 0, section.title
            assert all(case.tolerance > 0 for case in section.cases)


def test_drawn_cells_follow_from_the_seed_and_fill_their_ranges():
    for op in ("gather", "lstm fwd", "TimeLSTM fwd+bwd"):
        row, found = everything.OPS[op], everything.drawn(op, 200, 3)
        assert found == everything.drawn(op, 200, 3) and found[:20] == everything.drawn(op, 20, 3)
        assert found != everything.drawn(op, 200, 4)
        for name, (low, high) in everything.ranges(op).items():
            values = [case.sizes[name] for case in found]
            assert low <= min(values) < low * (high / low) ** 0.2
            assert high >= max(values) > low * (high / low) ** 0.7
            middle = (low * high) ** 0.5  # half of them are below it, if nothing is too large
            assert 0.3 < sum(value < middle for value in values) / len(values) < 0.8
        assert all(everything.bearable(**case.sizes) for case in found)
        assert {case.ids for case in found} == ({""} if row.ids == ("",) else {"uniform", "zipf"})


def test_what_only_chooses():
    def titles(only):
        return [section.title for section in whole.sections(only=only)]

    assert titles("gather") == ["gather", "gather, drawn"]
    assert titles("scatter, steps") == ["scatter", "scatter, drawn", "steps"]
    (section,) = whole.sections(only="Peeky")
    assert [case.op for case in section.cases] == ["PeekySeq2seq step"]
    assert whole.sections(only="no such thing") == []
    (section,) = whole.sections(only="gather", count=3, seed=5)[1:]
    assert len(section.cases) == 6 and section.drawn
    assert len(table.choose(table.SECTIONS, quick=True, only="lstm")[0].cases) == 3


def test_the_quickest_way_is_taken():
    quickest = peers.quickest

    def slow():
        time.sleep(0.01)

    def quick():
        time.sleep(0.001)

    assert quickest(slow, quick) is quick and quickest(quick, slow) is quick
    assert quickest(slow) is slow


def test_pytorch_computes_the_same():
    pytest.importorskip("torch")
    from benchmarks import torch_steps

    peer = torch_steps.Torch(1)
    for op in {**peer.tasks, **torch_steps.MODELS}:
        case = small(op)
        task, expected = peer.task(case), peers.Reference().task(case).results()
        if task.compared:
            for a, b in zip(task.results(), expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4, err_msg=op)
        if op in torch_steps.MODELS:  # it learns
            assert len(set(map(float, expected))) == case.row.repeats == 3


@pytest.mark.parametrize("distribution", ["uniform", "zipf", "hot", "constant"])
def test_ids_have_the_distribution_they_say(distribution):
    ids = cases.draw_ids(np.random.default_rng(0), distribution, 1000, 20_000)
    assert ids.shape == (20_000,) and ids.min() >= 0 and ids.max() < 1000
    largest = np.bincount(ids).max() / ids.size
    share = {"uniform": 0.002, "zipf": 0.134, "hot": 0.5, "constant": 1.0}[distribution]
    assert share * 0.8 <= largest <= share * 1.3


def test_contenders_that_agree_are_timed():
    with runner.Session() as session:
        results = session.measure(TINY, [REFERENCE, OURS], budget=0.05)
        assert session.problems == [] and session.missing == {}
        assert results["ours"]["samples"] >= runner.MIN_ROUNDS
        assert 0 < results["ours"]["low"] <= results["ours"]["median"] < 1
        assert runner.ratio(results, "ours", "ours") == 1
        pids = [process.process.pid for process in session.processes.values()]
        assert len(set(pids)) == 2 and os.getpid() not in pids
        processes = [process.process for process in session.processes.values()]
    assert all(process.poll() is not None for process in processes)


def test_a_wrong_contender_is_caught_and_not_timed():
    with runner.Session() as session:
        results = session.measure(TINY, [REFERENCE, contender("Wrong"), OURS], budget=0.05)
    assert set(results) == {"reference", "ours"}
    (problem,) = session.problems
    assert problem.startswith("Wrong disagrees with reference at gather")


@pytest.mark.parametrize(
    ("name", "said"), [("Crash", "status 7: the last words"), ("Raises", "ValueError: no such")]
)
def test_a_worker_that_fails_is_said_and_the_others_go_on(name, said):
    with runner.Session() as session:
        results = session.measure(TINY, [REFERENCE, contender(name), OURS], budget=0.05)
        assert set(session.measure(TINY, [REFERENCE, OURS], budget=0.05)) == {"reference", "ours"}
    assert set(results) == {"reference", "ours"}
    assert said in session.problems[0]


def test_a_worker_that_hangs_is_ended():
    with runner.Session(timeout=2) as session:
        assert session.measure(TINY, [contender("Hangs")], budget=0.05) == {}
    assert "no answer" in session.problems[0]


def test_a_library_that_is_missing_is_named_and_no_problem():
    with runner.Session() as session:
        found = session.measure(TINY, [REFERENCE, contender("NotInstalled")], budget=0.05)
        assert set(found) == {"reference"}
    assert session.problems == []
    assert "a_library_that_nobody_has" in session.missing["NotInstalled"]


def test_disagreement_sees_what_a_sum_and_a_sample_show():
    digest = worker.digest
    a = np.random.default_rng(0).random((300, 400), np.float32)
    assert runner.disagreement([digest(a)], [digest(a.copy())], 1e-6) is None
    assert runner.disagreement([digest(a)], [digest(a + 1e-3)], 1e-5) is not None
    assert "shape" in runner.disagreement([digest(a)], [digest(a.T)], 1e-5)
    assert "results" in runner.disagreement([digest(a)], [], 1e-5)
    broken = a.copy()
    broken[...] = np.nan
    assert "NaN" in runner.disagreement([digest(a)], [digest(broken)], 1e-5)


def test_rounds_beside_other_programs_are_set_aside(monkeypatch):
    loads = iter([0.0, 1.9, 0.0, 0.0, 1.9] + [1.9] * 1000)
    monkeypatch.setattr(load.Watch, "foreign", lambda self, workers: next(loads))
    monkeypatch.setattr(runner, "MAX_ROUNDS", 5)
    with runner.Session() as session:
        quiet = session.measure(TINY, [REFERENCE], budget=60)
        assert len(quiet["reference"]["rounds"]) == 3 and session.disturbed == {}
        disturbed = session.measure(TINY, [REFERENCE], budget=60)
        assert len(disturbed["reference"]["rounds"]) == 5
        assert session.disturbed == {TINY.name: 1.9}


def test_foreign_work_is_seen():
    watch = load.Watch()
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(1.5)
        foreign = watch.foreign(0.0)
        assert foreign > 0.5 or load.busy() is None  # where the system does not tell
        assert watch.foreign(foreign * 100) == 0
    finally:
        spinner.kill()
        spinner.wait()


def test_the_command_writes_a_table_and_json(tmp_path, here):
    path = tmp_path / "out.json"
    options = "--threads=1", "--skip=torch", f"--json={path}"
    done = here("bench", "--quick", "--only=softmax", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "softmax_cross_entropy n=700" in done.stdout
    data = json.loads(path.read_text())
    assert data["schema"] == report.SCHEMA and data["problems"] == []
    (row,) = data["cases"]
    assert row["op"] == "softmax_cross_entropy" and row["sizes"] == {"n": 700, "V": 10000}
    assert {"reference", "ours"} <= set(row["contenders"])
    for figures in row["contenders"].values():
        assert 0 < figures["low"] <= figures["median"] <= figures["high"]
        assert figures["times_ours"] > 0


def test_the_command_fails_when_a_contender_is_wrong(here, tmp_path):
    wrong = "--skip=torch", "--contender=bench_contenders:Wrong"
    done = here("bench", "--quick", "--only=lstm fwd N=20", *wrong, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "PROBLEM: Wrong disagrees with reference" in done.stdout


def test_quick_ends_in_time(monkeypatch, here, tmp_path):
    monkeypatch.setattr("fastembed.bench.QUICK_LIMIT", 0)
    done = here("bench", "--quick", "--only", "lstm", cwd=tmp_path)
    assert done.returncode == 0
    assert "not measured, since time ran out: lstm fwd N=20" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--only cake", "'cake'"),
        ("--only softmax --json no/such/folder", "cannot write no/such/folder"),
        ("--threads 0", "argument --threads: must be an integer from 1 to 1024, got '0'"),
    ],
)
def test_wrong_arguments(here, tmp_path, arguments, said):
    done = here("bench", *arguments.split(), cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1


def test_the_list_of_cases(here, tmp_path):
    done = here("bench", "--list", "--only", "gather", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("gather out V=10k D=100 n=700 uniform\n")


def test_an_interrupted_command_leaves_no_worker_behind(tmp_path):
    command = [sys.executable, "-m", "fastembed", "bench", "--skip=torch"]
    marker = tmp_path / "pid"
    environment = {**os.environ, "PYTHONPATH": str(HERE), "BENCH_TEST_PID": str(marker)}
    process = subprocess.Popen(
        [*command, "--contender=bench_contenders:SaysItsPid"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    end = time.monotonic() + 60
    while not marker.exists() and time.monotonic() < end:
        time.sleep(0.05)
    pid = int(marker.read_text())
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_turn_ends_when_other_threads_of_the_process_are_quiet(monkeypatch):
    """Such as BLAS's, which spin for long on another CPU: here for two looks more."""
    used = iter([0.0, 0.02, 0.02, 0.04, 0.04, 0.0401])
    monkeypatch.setattr(worker.time, "process_time", lambda: next(used))
    worker.settle(limit=60)
    assert list(used) == []


def test_every_contender_leads_some_rounds(monkeypatch):
    session, asked = runner.Session(), []

    def ask(case, names, method, *arguments):
        asked.extend(names)
        return {name: ([0.001], 0.0) for name in names}

    monkeypatch.setattr(session, "ask", ask)
    monkeypatch.setattr(load.Watch, "foreign", lambda self, used: 0.0)
    found = session._time(cases.Case("gather", cases.OPS["gather"].small), ["a", "b", "c"], 0.0)
    rounds = [asked[k : k + 3] for k in range(3, len(asked), 3)]
    assert rounds[:3] == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]
    assert {name: len(samples) for name, samples in found.items()} == dict.fromkeys(
        "abc", len(rounds)
    )
