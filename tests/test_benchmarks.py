"""The whole benchmark (``python -m benchmarks``): goals, tables, pictures, README, probes."""

import copy
import dataclasses
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import (  # noqa: E402
    cases,
    goals,
    markdown,
    measure,
    peers,
    probes,
    readme,
    scripts,
    table,
    vectors,
    word2vec,
    work,
)
from benchmarks.__main__ import main  # noqa: E402
from fastembed.bench import report, runner  # noqa: E402


def figures(median, times_ours):
    return {
        "median": median,
        "low": median * 0.9,
        "high": median * 1.1,
        "samples": 9,
        "rounds": [median] * 3,
        "share": 0.5,
        "times_ours": times_ours,
    }


def row(section, case):
    ratios = {"reference": 200.0, "numpy": 2.0, "torch": 30.0, "ceiling": 0.9}
    own = {"sparse": "small", "tables": "in memory", "word2vec": "gensim", "vectors": "Polars"}
    if section.title in own:
        ratios[own[section.title]] = 2.0
    if case.op.endswith(" lengths"):
        ratios["padded"] = 2.0
    if section.title == "threads":
        ratios = {"reference": 9.0, "ours-1": 1.7, "ours-2": 1.0}
    contenders = {"ours": figures(1e-3, 1.0)}
    for name, ratio in ratios.items():
        contenders[name] = figures(ratio * 1e-3, ratio)
    if section.title == "steps":
        for who in ("ours", "reference"):
            contenders[who]["detail"] = {"TimeLSTM forward": 1e-3, "update": 2e-4}
    return {**report.row(section, case, {}), "work": work.of(case), "contenders": contenders}


@pytest.fixture
def document():
    """A run in which every goal is met by far."""
    sections = table.sections(count=2)
    return {
        "schema": report.SCHEMA,
        "command": "python -m benchmarks",
        "date": "2000-01-01T00:00:00+00:00",
        "machine": {"cpu": "a CPU", "cpus": 2, "system": "", "python": ""},
        "versions": {"ours": "fastembed 0", "torch": "PyTorch 0", "reference": "NumPy 0"},
        "missing": {"thinc": "No module named 'thinc'"},
        "problems": [],
        "disturbed": {},
        "skipped": [],
        "ceilings": {"copied": 2e10, "filled": 1e10, "flops": 1e11},
        "cases": [row(section, case) for section in sections for case in section.cases],
        "seconds": 1.0,
        "only": None,
        "bits": {"gather": True},
        "memory": [{"name": "m", "V": 10, "D": 3, "N": 2, "T": 5, "ours": 100, "reference": 9_999}],
        "interference": {
            f"{name} / {other}": {"ours": 1.0, "other": 1.0, "mixed": 2.2, "ratio": 1.1}
            for name in probes.INTERFERENCE
            for other in probes.WITH
        },
        "scripts": {name: {"python": 1.0, "run": 0.02} for name in goals.SCRIPTS},
        "times": {
            "import fastembed, over import numpy": 0.01,
            "first call of gather": 0.3,
            "first call of adam": 0.2,
            "first call after import numba of gather": 0.1,
            "fastembed warmup, cold cache": 9.0,
            "gather of one id, checked": 2e-7,
            "np.take of one id": 1e-6,
            "handing out slices, workers awake": 5e-7,
            "handing out slices, workers asleep": 1e-5,
        },
    }


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
    assert goals.best_peer(rows[0]) == ("numpy", 2.0)
    (gather, lstm) = markdown.summary(rows)
    assert gather == ("gather", "2", "50%", "0.50×", "1.00×", rows[1]["name"])
    assert lstm[:5] == ("lstm fwd", "1", "100%", "1.00×", "1.00×")


def test_ceilings_and_shares_of_them():
    section = table.ceilings()
    rows = [
        {**row(section, case), "contenders": {"ceiling": figures(0.01, None)}}
        for case in section.cases
    ]
    limits = measure.speeds(rows)
    copied = (1 << 17) * (2 * 256 * 4 + 8)
    assert limits["copied"] == pytest.approx(copied / 0.009)
    assert limits["filled"] == pytest.approx((1 << 27) / 0.009)
    assert limits["flops"] == pytest.approx(2 * 2048**3 / 0.009)
    measure.add_shares(rows, limits)
    assert rows[0]["contenders"]["ceiling"]["share"] == pytest.approx(0.9)
    with runner.Session() as session:
        (told,) = measure._race(
            session, [dataclasses.replace(section, cases=section.cases[1:2])], True
        )
    assert session.problems == [] and told["contenders"]["ceiling"]["median"] > 0


def test_goals_met(document):
    found = goals.check(document)
    assert [goal for goal in found if goal["met"] is not True] == []
    assert len(found) > 45


def worst(document, op, who, ratio, drawn=False):
    changed = next(row for row in document["cases"] if row["op"] == op and row["drawn"] == drawn)
    changed["contenders"][who]["times_ours"] = ratio


def every(document, op, who, ratio, drawn=True):
    for row in document["cases"]:
        if row["op"] == op and row["drawn"] == drawn and who in row["contenders"]:
            row["contenders"][who]["times_ours"] = ratio


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("TimeEmbedding fwd+bwd", lambda d: worst(d, "TimeEmbedding fwd+bwd", "reference", 59)),
        ("scatter-add with zeroing", lambda d: worst(d, "scatter_add zero", "torch", 1.1)),
        ("gather out against np", lambda d: every(d, "gather out", "numpy", 0.9, drawn=False)),
        ("gather out, drawn", lambda d: worst(d, "gather out", "numpy", 0.7, drawn=True)),
        ("gather, drawn", lambda d: every(d, "gather", "torch", 1.4)),
        ("every layer", lambda d: worst(d, "GRU fwd+bwd", "reference", 0.9, drawn=True)),
        ("GRU fwd against", lambda d: worst(d, "gru fwd", "torch", 0.9)),
        ("RNN fwd against", lambda d: worst(d, "rnn fwd", "torch", 0.9, drawn=True)),
        ("LSTM fwd against", lambda d: worst(d, "lstm fwd", "torch", 0.9, drawn=True)),
        ("LSTM fwd+bwd against", lambda d: worst(d, "lstm fwd+bwd", "torch", 0.9)),
        ("PeekySeq2seq step against PyTorch", lambda d: worst(d, "PeekySeq2seq step", "torch", 1)),
        ("CBOW step against the book", lambda d: worst(d, "CBOW step", "reference", 4.9)),
        ("Seq2seq step against the book", lambda d: worst(d, "Seq2seq step", "reference", 1.9)),
        ("the book's CBOW", lambda d: d["scripts"]["CBOW"].update(run=0.2)),
        ("gather of one id", lambda d: d["times"].update({"gather of one id, checked": 4.5e-7})),
        ("np.take of one id", lambda d: d["times"].update({"np.take of one id": 3e-7})),
        (
            "handing out slices, workers asleep",
            lambda d: d["times"].update({"handing out slices, workers asleep": 3e-5}),
        ),
        ("first call of", lambda d: d["times"].update({"first call of adam": 0.6})),
        (
            "first call after import numba",
            lambda d: d["times"].update({"first call after import numba of gather": 0.16}),
        ),
        ("memory", lambda d: d["memory"][0].update(ours=10_000)),
        ("kernels of tables", lambda d: d["bits"].update(scatter_add=False)),
        ("sparse step", lambda d: worst(d, "sparse CBOW step", "small", 0.76)),
        ("gather from a file", lambda d: worst(d, "gather mapped", "in memory", 0.89)),
        ("an epoch of word2vec", lambda d: worst(d, "word2vec CBOW", "gensim", 1.1)),
        ("reading word vectors", lambda d: worst(d, "load text", "Polars", 0.9)),
        (
            "np.dot between",
            lambda d: d["interference"]["scatter_add / np.dot"].update(ratio=1.4),
        ),
    ],
)
def test_a_goal_that_is_missed_is_said(document, what, change):
    change(document)
    missed = [goal for goal in goals.check(document) if goal["met"] is False]
    assert len(missed) == 1 and missed[0]["what"].startswith(what)
    document["goals"] = goals.check(document)
    assert "**missed**" in markdown.goals(document)


def test_what_was_not_measured_is_neither_met_nor_missed(document):
    document["cases"] = []
    for key in ("times", "memory", "bits", "interference", "scripts"):
        del document[key]
    assert {goal["met"] for goal in goals.check(document)} == {None}


def test_the_markdown_has_all_parts(document):
    document["goals"] = goals.check(document)
    text = markdown.whole(document)
    titles = "Goals", "Gather", "Gather, drawn", "Layers, drawn", "Unedited", "Runtime"
    for title in (*titles, "Memory", "Other", "Sparse", "Tables", "Word2vec", "Vectors"):
        assert f"## {title}" in text
    assert "### By layer" in text
    assert "| gather | 2 | 100% | 2.00× | 2.00× | gather V=" in text
    assert "| 1.00 ms | 200 ms | 2.00 ms | 30.0 ms | numpy | 2.00× |" in text
    assert "not measured: thinc (No module named 'thinc')" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


def test_comparison_marks_what_changed(document):
    new = copy.deepcopy(document)
    name = new["cases"][0]["name"]
    for key in ("median", "low", "high"):
        new["cases"][0]["contenders"]["ours"][key] *= 3
    lines = markdown.compare(document, new).splitlines()[2:]
    assert [line for line in lines if "slower" in line] == [lines[0]]
    assert lines[0].startswith(f"| {name} | 1.00 ms | 3.00 ms | 3.00 | slower |")


def test_readme_is_rewritten_between_its_markers(document, tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    readme.write(document, tmp_path)
    text = path.read_text()
    assert text.startswith(f"before\n{readme.BEGIN}\n![") and text.endswith("\nafter\n")
    assert "old" not in text and "| LSTM, one step forward | 1.00 ms | 200× | 30.0× |" in text
    assert (tmp_path / readme.PICTURE).stat().st_size > 5_000
    assert "| fastembed | NumPy, as in the book | PyTorch | gensim |" in text
    assert re.search(r"\| word2vec, an epoch of CBOW, D = 100 \|.* 2\.00× \|", text)
    readme.write(document, tmp_path)
    assert path.read_text() == text
    path.write_text("no markers")
    with pytest.raises(ValueError, match="must have the lines"):
        readme.write(document, tmp_path)


def test_probes_tell_bits_memory_and_the_runtime():
    with runner.Session() as session:
        told = probes.ask(session, "runtime")
        assert len(told) == 4 and all(0 < seconds < 1 for seconds in told.values())
        assert set(probes.ask(session, "bits").values()) == {True}
        peaks = probes.ask(session, "memory", "ours")
        assert session.problems == [] and session.processes == {}
    for case in probes.MEMORY:
        s = case.sizes
        assert peaks[case.name] <= goals.WORD_BYTES * (s["N"] * s["T"] + s["V"])


@pytest.fixture
def clone(tmp_path):
    """A folder like the book's, with a script that prints what its trainers print."""
    for folder in ("dataset", "ch03"):
        (tmp_path / "clone" / folder).mkdir(parents=True)
    script = tmp_path / "clone" / "ch03" / "train.py"
    script.write_text(
        "import time\n"
        "for k in range(1, 40):\n"
        "    time.sleep(0.05)\n"
        "    print(f'| epoch {1 + k // 5} |  iter {k % 5 + 1} / 5 | time 0[s] | loss 1.00')\n"
    )
    return tmp_path / "clone"


def test_scripts_are_timed_by_what_they_print(clone):
    said, problems = [], []
    found = scripts.measure(clone, said.append, problems.append, ["ch03"])
    assert set(found) == {"ch03"} and set(found["ch03"]) == {"python", "run"}
    assert all(0.05 <= seconds < 0.5 for seconds in found["ch03"].values())
    assert len(said) == 2 and list(clone.glob("dataset/*")) == [] and problems == []
    (clone / "ch03" / "train.py").write_text("print('| epoch 1 |  iter 1 / 2 |')\n1 / 0\n")
    assert scripts.measure(clone, said.append, problems.append, ["ch03"]) == {}
    assert re.search("book's ch03: .*trained for long enough: .*ZeroDivisionError", *problems)


def test_the_text_has_every_word_and_the_model_is_chosen(clone):
    scripts.write_text(clone / "dataset")
    words = (clone / "dataset" / "ptb.train.txt").read_text().replace("\n", "<eos>").split()
    assert len(set(words)) == scripts.WORDS + 1 and len(words) > scripts.TOKENS
    script = clone / "ch03" / "train.py"
    script.write_text("a = 1\nmodel = A(3)\n# model = B(3)\nother_model = A(1)\n")
    scripts.choose(script, "B")
    assert script.read_text() == "a = 1\n# model = A(3)\nmodel = B(3)\nother_model = A(1)\n"
    scripts.choose(script, "A")
    assert script.read_text().splitlines()[1:3] == ["model = A(3)", "# model = B(3)"]
    assert set(scripts.SCRIPTS) == set(goals.SCRIPTS)


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(measure, "_ceilings", lambda session: [])  # they need large arrays
    first, second, empty = (tmp_path / f"{k}.json" for k in ("first", "second", "empty"))
    assert main(["--quick", "--only=lstm fwd N=1", f"--json={first}"]) == 0
    data = json.loads(first.read_text())
    assert [row["op"] for row in data["cases"]] == ["lstm fwd"]
    assert "ours" in data["cases"][0]["contenders"] and data["problems"] == []
    capsys.readouterr()
    assert main([f"--load={first}", f"--compare={first}"]) == 0
    assert "## Compared" in capsys.readouterr().out
    assert main(["--quick", "--only=lstm fwd N=1", f"--onto={first}", f"--json={second}"]) == 0
    again = json.loads(second.read_text())
    assert len(again["cases"]) == 1 and again["command"].count("; ") == 1
    capsys.readouterr()
    first.write_text(json.dumps({**data, "machine": {}}))
    assert main(["--quick", "--only=lstm fwd N=1", f"--onto={first}"]) == 2
    assert "another machine" in capsys.readouterr().err
    empty.write_text("{}")
    for arguments in (["--compare", empty], ["--load", tmp_path / "none"], ["--only", "nothing"]):
        assert main(list(map(str, arguments))) == 2
        assert "error:" in capsys.readouterr().err


def test_who_takes_part():
    def names(title):
        section = next(one for one in table.sections() if one.title == title)
        return [one.name for one in measure.who(section)]

    drawn = ["reference", "numpy", "ours", "torch"]
    assert names("sparse") == ["ours", "torch", "small"]
    assert names("tables") == ["reference", "numpy", "ours", "in memory"]
    assert names("word2vec") == ["ours", "gensim", "ours-1", "racing"]
    assert names("vectors") == ["ours", "gensim", "pandas", "Arrow", "Polars", "loop"]
    assert names("gather, drawn") == drawn
    assert names("gather") == [*drawn, "ceiling", "ours-1", "thinc"]
    assert names("steps") == [*drawn, "ceiling", "ours-1", "thinc", "torch.compile"]
    assert names("threads")[:2] == ["reference", "ours-1"]


@pytest.mark.parametrize(
    ("who", "case"),
    [
        (peers.InMemory, {"op": "gather mapped", "V": 50, "D": 4, "n": 20}),
        (peers.Small, {"op": "sparse LazyAdam step", "V": 300, "D": 4, "N": 2, "T": 3}),
        (vectors.Loop, {"op": "load text", "V": 30, "D": 4}),
        (vectors.Loop, {"op": "load binary", "V": 30, "D": 4}),
        (word2vec.Racing, {"op": "word2vec CBOW", "table": word2vec.__name__, "D": 4}),
    ],
)
def test_contenders_of_few_cases(who, case, monkeypatch):
    monkeypatch.setattr(peers, "SMALL", 100)
    one = cases.case(**case)
    who().task(one).run()
    assert who().task(cases.case("matmul", M=2, K=2, N=2)) is None


def test_long_texts_are_for_the_quick_alone():
    assert vectors.bearable(cases.case("load text", V=20_000, D=300))
    assert not vectors.bearable(cases.case("load text", V=400_000, D=300))
    assert vectors.bearable(cases.case("load binary", V=400_000, D=300))
