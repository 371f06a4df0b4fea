"""The table of cases, and the benchmark's runner: nothing is timed that is not right."""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

import fastembed
from fastembed import ops
from fastembed.bench import cases, inputs, load, main, peers, report, runner, table, worker

TINY = cases.Case("gather", {"V": 11, "D": 5, "n": 40}, "uniform")
REFERENCE = peers.Contender("reference", "fastembed.bench.peers:Reference")
OURS = peers.Contender("ours", "fastembed.bench.peers:Ours", (1,))
HERE = Path(__file__).parent


def contender(name):
    return peers.Contender(name, f"bench_contenders:{name}")


@pytest.fixture(scope="module")
def threads():
    before = fastembed.get_num_threads()
    yield
    fastembed.set_num_threads(before)


def test_every_public_op_is_in_the_table():
    covered = {name for op in cases.OPS.values() for name in op.covers}
    assert set(ops.__all__) - covered == set()
    assert covered - set(ops.__all__) == set()


SMALL = [
    cases.Case(name, op.small, ids, dtype)
    for name, op in cases.OPS.items()
    for ids in op.ids
    for dtype in op.tolerance
]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name.replace(" ", "-"))
@pytest.mark.parametrize("n_threads", [1, 2])
def test_fast_equals_reference(case, n_threads, threads):
    fastembed.set_num_threads(n_threads)
    op = cases.OPS[case.op]
    results = []
    for path in (op.reference, op.fast):
        run = op.make(importlib.import_module(path), case.inputs())
        results.append([np.array(array) for _ in range(op.repeats) for array in cases.flat(run())])
    assert len(results[0]) == len(results[1]) > 0
    for expected, got in zip(*results, strict=True):
        assert got.shape == expected.shape and np.all(np.isfinite(expected))
        if expected.ndim:
            assert got.dtype == expected.dtype
        scale = np.abs(expected).max(initial=0)
        assert np.abs(got - expected).max(initial=0) <= case.tolerance * scale


def test_inputs_are_equal_by_seed_and_not_constant():
    for op, row in cases.OPS.items():
        case = cases.Case(op, row.small, row.ids[-1])
        for name, first in case.inputs().items():
            again = cases.flat(case.inputs()[name])
            for array, same in zip(cases.flat(first), again, strict=True):
                if isinstance(array, np.ndarray) and name != "out":
                    np.testing.assert_array_equal(array, same)
                    if array.dtype.kind == "f" and array.size > 1:
                        assert np.ptp(array) > 0, (op, name)


def test_every_layer_of_the_book_is_in_the_table():
    from fastembed.reference import layers

    classes = [thing for thing in vars(layers).values() if isinstance(thing, type)]
    names = {one.__name__ for one in classes if one.__module__ == layers.__name__}
    in_table = {op.split()[0] for op in cases.LAYER_OPS}
    assert {name for name in names if not name.startswith("_")} - in_table == {"UnigramSampler"}


def test_every_cell_is_in_the_table_of_ops():
    for quick, fewer in ((False, 1), (True, 30)):
        for section in table.sections(quick, fewer=fewer):
            names = [case.name for case in section.cases]
            assert len(set(names)) == len(names) > 0, section.title
            assert all(case.op in cases.OPS and case.tolerance > 0 for case in section.cases)
    named = [case for part in table.PARTS.values() for case in part.cells]
    assert set(map(repr, table.QUICK)) <= set(map(repr, named))


def test_drawn_cells_follow_from_the_seed_and_fill_their_ranges():
    for op in ("gather", "lstm fwd", "TimeLSTM fwd+bwd"):
        row, found = cases.OPS[op], cases.drawn(op, 200, 3)
        assert found == cases.drawn(op, 200, 3) and found[:20] == cases.drawn(op, 20, 3)
        assert found != cases.drawn(op, 200, 4)
        for name, (low, high) in row.ranges.items():
            values = [case.sizes[name] for case in found]
            assert low <= min(values) < low * (high / low) ** 0.2
            assert high >= max(values) > low * (high / low) ** 0.7
            middle = (low * high) ** 0.5  # half of them are below it, if nothing is too large
            assert 0.3 < sum(value < middle for value in values) / len(values) < 0.8
        assert all(row.fits(case.sizes) for case in found)
        assert {case.ids for case in found} == ({""} if row.ids == ("",) else {"uniform", "zipf"})


def test_what_only_chooses():
    def titles(only):
        return [section.title for section in table.sections(only=only)]

    assert titles("gather") == ["gather", "gather, drawn"]
    assert titles("scatter, steps") == ["scatter", "scatter, drawn", "steps"]
    (section,) = table.sections(only="Peeky")
    assert [case.op for case in section.cases] == ["PeekySeq2seq step"]
    assert table.sections(only="no such thing") == []
    (section,) = table.sections(only="gather", count=3, seed=5)[1:]
    assert len(section.cases) == 6 and section.drawn


def test_drawn_cells_are_summed_up():
    def row(op, drawn=True, **ratios):
        contenders = {name: {"times_ours": ratio} for name, ratio in ratios.items()}
        return {"op": op, "name": f"{op} {ratios}", "drawn": drawn, "contenders": contenders}

    rows = [
        row("gather", reference=9.0, numpy=2.0, torch=8.0),
        row("gather", reference=0.5, ceiling=0.1),
        row("gather", drawn=False, reference=0.1),
        row("lstm fwd", torch=1.0, ours=1.0),
    ]
    assert report.best_peer(rows[0]) == ("numpy", 2.0)
    (gather, lstm) = report.drawn(rows)
    assert gather == ("gather", "2", "50%", "0.50×", "1.00×", rows[1]["name"])
    assert lstm[:5] == ("lstm fwd", "1", "100%", "1.00×", "1.00×")


def test_the_quickest_way_is_taken():
    def slow():
        time.sleep(0.01)

    def quick():
        time.sleep(0.001)

    assert peers.quickest(slow, quick) is quick and peers.quickest(quick, slow) is quick
    assert peers.quickest(slow) is slow


@pytest.mark.parametrize("op", [case.op for case in table.STEPS])
def test_pytorch_trains_the_same_model(op):
    pytest.importorskip("torch")
    from fastembed.bench import torch_steps

    row = cases.OPS[op]
    case = cases.Case(op, row.small, row.ids[-1])
    expected = peers.Reference().task(case).results()
    got = torch_steps.task(op, case.inputs()).results()
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    assert len(set(map(float, expected))) == row.repeats == 3


@pytest.mark.parametrize("distribution", ["uniform", "zipf", "hot", "constant"])
def test_ids_have_the_distribution_they_say(distribution):
    ids = inputs.draw_ids(np.random.default_rng(0), distribution, 1000, 20_000)
    assert ids.shape == (20_000,) and ids.min() >= 0 and ids.max() < 1000
    largest = np.bincount(ids).max() / ids.size
    share = {"uniform": 0.002, "zipf": 0.134, "hot": 0.5, "constant": 1.0}[distribution]
    assert share * 0.8 <= largest <= share * 1.3


def test_contenders_that_agree_are_timed():
    with runner.Session([REFERENCE, OURS]) as session:
        results = session.measure(TINY, budget=0.05)
        assert session.problems == [] and session.missing == {}
        assert results["ours"]["samples"] >= runner.MIN_ROUNDS
        assert 0 < results["ours"]["best"] <= results["ours"]["median"] < 1
        assert runner.ratio(results, "ours", "ours") == 1
        pids = [process.process.pid for process in session.processes.values()]
        assert len(set(pids)) == 2 and os.getpid() not in pids
        processes = [process.process for process in session.processes.values()]
    assert all(process.poll() is not None for process in processes)


def test_a_wrong_contender_is_caught_and_not_timed():
    with runner.Session([REFERENCE, contender("Wrong"), OURS]) as session:
        results = session.measure(TINY, budget=0.05)
    assert set(results) == {"reference", "ours"}
    (problem,) = session.problems
    assert problem.startswith("Wrong disagrees with reference at gather")


@pytest.mark.parametrize(
    ("name", "said"), [("Crash", "status 7: the last words"), ("Raises", "ValueError: no such")]
)
def test_a_worker_that_fails_is_said_and_the_others_go_on(name, said):
    with runner.Session([REFERENCE, contender(name), OURS]) as session:
        results = session.measure(TINY, budget=0.05)
        assert set(session.measure(TINY, [REFERENCE, OURS], budget=0.05)) == {"reference", "ours"}
    assert set(results) == {"reference", "ours"}
    assert said in session.problems[0]


def test_a_worker_that_hangs_is_ended():
    with runner.Session([contender("Hangs")], timeout=3) as session:
        started = time.monotonic()
        assert session.measure(TINY, budget=0.05) == {}
    assert "no answer" in session.problems[0]
    assert time.monotonic() - started < 30


def test_a_library_that_is_missing_is_named_and_no_problem():
    with runner.Session([REFERENCE, contender("NotInstalled")]) as session:
        assert set(session.measure(TINY, budget=0.05)) == {"reference"}
    assert session.problems == []
    assert "a_library_that_nobody_has" in session.missing["NotInstalled"]


def test_disagreement_sees_what_a_sum_and_a_sample_show():
    from fastembed.bench.worker import digest

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
    with runner.Session([REFERENCE]) as session:
        quiet = session.measure(TINY, budget=60)
        assert len(quiet["reference"]["rounds"]) == 3 and session.disturbed == {}
        disturbed = session.measure(TINY, budget=60)
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


def run_command(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    return subprocess.run(
        [sys.executable, "-m", "fastembed", "bench", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        **options,
    )


def test_the_command_writes_a_table_and_json(tmp_path):
    path = tmp_path / "out.json"
    options = "--threads=1", "--skip=torch", f"--json={path}"
    done = run_command("--quick", "--only=softmax", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "softmax_cross_entropy n=700" in done.stdout and "GB/s" in done.stdout
    data = json.loads(path.read_text())
    assert data["schema"] == report.SCHEMA and data["problems"] == []
    assert all(data["ceilings"][key] > 0 for key in data["ceilings"])
    (row,) = data["cases"]
    assert row["op"] == "softmax_cross_entropy" and row["sizes"] == {"n": 700, "V": 10000}
    assert {"reference", "ours"} <= set(row["contenders"])
    for figures in row["contenders"].values():
        assert 0 < figures["low"] <= figures["median"] <= figures["high"]
        assert figures["gb_per_s"] > 0 and figures["share"] > 0 and figures["times_ours"] > 0


def test_the_command_fails_when_a_contender_is_wrong():
    wrong = "--skip=torch", "--contender=bench_contenders:Wrong"
    done = run_command("--quick", "--only=lstm fwd N=20", *wrong)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "PROBLEM: Wrong disagrees with reference" in done.stdout


def test_quick_ends_in_time(monkeypatch, capsys):
    import fastembed.bench

    monkeypatch.setattr(fastembed.bench, "QUICK_LIMIT", 0)
    assert main(["--quick", "--only", "lstm"]) == 0
    said = capsys.readouterr().out
    assert "not measured, since time ran out: lstm fwd N=20" in said


def test_wrong_arguments(capsys, tmp_path):
    assert main(["--only", "no such case"]) == 2
    assert "no such case" in capsys.readouterr().err
    assert main(["--only", "softmax", "--json", str(tmp_path / "no" / "such" / "folder")]) == 2
    assert "can't write" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["--threads", "0"])
    assert ended.value.code == 2
    assert main(["--list", "--only", "gather"]) == 0
    assert capsys.readouterr().out.startswith("gather")


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


def test_a_turn_ends_when_other_threads_of_the_process_are_quiet():
    """Such as BLAS's, which spin for long on another CPU, and whose time the kernel counts late."""
    data = os.urandom(1 << 23)
    for _ in range(3):
        spinning = threading.Thread(target=zlib.compress, args=(data,))  # without the GIL
        spinning.start()
        worker.settle(limit=60)
        assert not spinning.is_alive()
