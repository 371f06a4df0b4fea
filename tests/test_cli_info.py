"""``python -m fastembed info`` and ``warmup``: kernel cache, and the other fastembed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastembed
from fastembed.cli import info, kernel_list, warmup
from fastembed.kernels import _code


def run(*arguments, env=None, cwd=None, code=None):
    """The command line, or some code, in a process of its own."""
    what = ["-m", "fastembed"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *what, *arguments],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def uncacheable(tmp_path):
    """A copy of the package for whose kernels no cache folder can be written; its environment.

    A regular file stands where each folder would be: that stops the superuser too.
    """
    package = tmp_path / "site/fastembed"
    shutil.copytree(
        Path(fastembed.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    (package / "kernels/__pycache__").write_text("")
    (tmp_path / "file").write_text("")
    below = str(tmp_path / "file/below")
    return {
        "PYTHONPATH": str(tmp_path / "site"),
        "PYTHONSAFEPATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": below,
        "XDG_CACHE_HOME": below,
        "NUMBA_CACHE_DIR": below,
    }


def test_info_says_what_it_runs_on(here, tmp_path):
    done = here("info", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for label in ("fastembed-layers", "python", "numpy", "numba", "CPU", "threads", "NumPy's BLAS"):
        assert f"\n{label} " in f"\n{done.stdout}"
    assert fastembed.__version__ in done.stdout and np.__version__ in done.stdout
    assert "instruction set" in done.stdout and "openblas" in done.stdout.lower()
    assert "WARNING" not in done.stdout


def test_info_tells_the_threads_asked_for():
    assert "3 (FASTEMBED_NUM_THREADS=3;" in run("info", env={"FASTEMBED_NUM_THREADS": "3"}).stdout
    done = run("info", env={"FASTEMBED_NUM_THREADS": "many"})
    assert done.returncode == 0 and "wrong setting" in done.stdout


@pytest.fixture
def overwritten(tmp_path):
    """A copy of the package over which the other fastembed was installed; its environment."""
    site = tmp_path / "site"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(fastembed.__file__).parent, site / "fastembed", ignore=ignored)
    (site / "fastembed/__init__.py").write_text("class TextEmbedding:\n    pass\n")
    metadata = site / "fastembed-0.7.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fastembed\nVersion: 0.7.3\n")
    (metadata / "RECORD").write_text("fastembed/__init__.py,,\nfastembed/text/x.py,,\n")
    return {"PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}


def test_where_the_other_fastembed_was_installed_last_info_works_and_the_others_say_it(
    overwritten, tmp_path
):
    done = run("info", env=overwritten, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{fastembed.__version__}, {overwritten['PYTHONPATH']}" in done.stdout
    warnings = [line for line in done.stdout.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 2
    assert "the distribution 'fastembed' 0.7.3 (retrieval embeddings) is installed" in warnings[0]
    assert "pip uninstall -y fastembed && " in warnings[0]
    assert "both install fastembed/__init__.py:" in warnings[1]
    for command in ("train", "run", "bench", "warmup"):
        done = run(command, env=overwritten, cwd=tmp_path)
        assert done.returncode == 2 and done.stdout == ""
        assert "another package's" in done.stderr and done.stderr.count("\n") == 1


def test_info_warns_of_another_package_of_that_name(tmp_path):
    (tmp_path / "fastembed").mkdir()
    (tmp_path / "fastembed/__init__.py").write_text("")
    sys.path.append(str(tmp_path))
    try:
        assert [line for line in info.clashes() if "another package 'fastembed'" in line]
    finally:
        sys.path.remove(str(tmp_path))


def test_without_a_cache_folder_it_is_said_once_and_nothing_breaks(uncacheable, tmp_path):
    done = run("info", env=uncacheable, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("none can be written") == 1 and done.stderr == ""
    code = (
        "import numpy as np, fastembed\n"
        "assert fastembed.__file__.startswith({!r}), fastembed.__file__\n"
        "from fastembed.ops import adam, scale, softmax\n"
        "print(scale([np.ones(3)], 2))"
    ).format(uncacheable["PYTHONPATH"])
    done = run(env=uncacheable, cwd=tmp_path, code=code)
    assert done.stdout == "None\n"
    assert done.stderr.count("the kernels' cache cannot be used") == 1


def test_warmup_compiles_once_and_then_finds_everything_in_the_cache(tmp_path):
    """Of two kernels, in an empty folder."""
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    code = (
        "import sys\n"
        "from fastembed.__main__ import main\n"
        "from fastembed.cli import kernel_list\n"
        "two = ['optim.add', 'optim.scale']\n"
        "assert {*two} < {*kernel_list.entries()}\n"
        "kernel_list.entries = lambda: two\n"
        "main(sys.argv[1:])\n"
    )
    assert "0 of 2; 'python -m fastembed warmup'" in run("info", env=cache, code=code).stdout
    first = run("warmup", env=cache, code=code)
    assert first.returncode == 0, first.stderr
    *lines, summary, folders = first.stdout.splitlines()
    assert "4 compiled, 0 from the cache" in summary and len(lines) == 4
    assert str(tmp_path / "cache") in folders
    assert {"float32", "float64"} == {line.split()[1] for line in lines}
    assert "0 compiled, 4 from the cache" in run("warmup", env=cache, code=code).stdout
    after = run("info", env=cache, code=code).stdout
    assert "2 of 2" in after and str(tmp_path / "cache") in after


def test_after_warmup_training_compiles_nothing():
    assert run("warmup").returncode == 0
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from fastembed.kernels import _code\n"
        "from fastembed.models import CBOW, AttentionSeq2seq, Rnnlm\n"
        "from fastembed.optimizer import SGD, Adam\n"
        "from fastembed.trainer import RnnlmTrainer, Trainer\n"
        "ids = np.random.randint(0, 20, 400)\n"
        "trainer = RnnlmTrainer(Rnnlm(20, 8, 8), SGD(0.1), verbose=False)\n"
        "trainer.fit(ids[:-1], ids[1:], 1, 4, 5, 0.25)\n"
        "for model, x, t in [\n"
        "    (CBOW(20, 8, 1, ids), ids.reshape(-1, 2), ids[:200]),\n"
        "    (AttentionSeq2seq(20, 8, 8), ids.reshape(-1, 5), ids.reshape(-1, 5)),\n"
        "]:\n"
        "    Trainer(model, Adam(), verbose=False).fit(x, t, 1, 20, 1.0)\n"
        "print(len(_code._linked) > 10, 'numba' in sys.modules)\n"
    )
    done = run(code=code)
    assert done.stdout == "True False\n", done.stderr


def test_every_kernel_has_an_entry():
    names = kernel_list.entries()
    assert {"embedding.gather", "optim.adam", "loss.softmax"} <= {*names}
    assert all(name.count(".") == 1 for name in names), names


def test_warmup_without_a_cache_folder_says_so_once(monkeypatch, capsys):
    one = kernel_list.entries()[:1]
    monkeypatch.setattr(kernel_list, "entries", lambda: one)
    monkeypatch.setattr(_code, "folder", lambda: None)
    assert warmup.main([]) == 0
    out, errors = capsys.readouterr()
    assert out.count("no cache folder can be written") == 1 and errors == ""
