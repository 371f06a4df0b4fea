"""``python -m fastembed``: dispatch, help, and what it costs to start."""

import os
import subprocess
import sys

import pytest

import fastembed
from fastembed import __main__ as command_line


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, **options
    )


def test_version():
    done = run("-m", "fastembed", "--version")
    assert (done.returncode, done.stdout) == (0, f"fastembed-layers {fastembed.__version__}\n")


def test_help_names_every_command():
    done = run("-m", "fastembed", "--help")
    assert done.returncode == 0
    for command in ("train", "run", "bench", "info", "warmup"):
        assert f"  {command}" in done.stdout


@pytest.mark.parametrize("command", ["train", "info", "warmup"])
def test_every_command_has_help(command):
    done = run("-m", "fastembed", command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: python -m fastembed {command}")


def test_help_of_train_tells_the_defaults_of_each_task():
    done = run("-m", "fastembed", "train", "--help")
    assert "width of the hidden state (lm 100" in " ".join(done.stdout.split())


def test_without_a_command_it_prints_help_and_fails():
    done = run("-m", "fastembed")
    assert done.returncode == 2 and done.stdout == "" and "commands:" in done.stderr


@pytest.mark.parametrize("arguments", [["dance"], ["--dance"], ["info", "--dance"], ["info", "x"]])
def test_what_it_does_not_know_ends_with_one_line(arguments):
    done = run("-m", "fastembed", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "error: " in done.stderr


def test_everything_after_the_command_is_the_commands_own(monkeypatch):
    seen = []

    class Module:
        @staticmethod
        def main(argv):
            seen.append(argv)
            return 7

    monkeypatch.setattr(command_line.importlib, "import_module", lambda name: Module)
    for command in ("run", "bench"):
        arguments = ["--report", "script.py", "--help", "--version", "-x", "--", "train"]
        assert command_line.main([command, *arguments]) == 7
        assert seen.pop() == arguments


def test_the_runner_gets_errors_and_interrupts_of_the_script(monkeypatch):
    class Module:
        @staticmethod
        def main(argv):
            raise KeyboardInterrupt

    monkeypatch.setattr(command_line.importlib, "import_module", lambda name: Module)
    with pytest.raises(KeyboardInterrupt):
        command_line.main(["run", "script.py"])
    assert command_line.main(["info"]) == 130


def test_importing_the_package_imports_no_heavy_library():
    done = run("-X", "importtime", "-c", "import fastembed")
    assert done.returncode == 0
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "fastembed" in names
    roots = {name.partition(".")[0] for name in names}
    assert not roots & {"numba", "llvmlite", "scipy", "matplotlib", "tqdm", "safetensors"}


def test_importing_the_package_costs_at_most_a_tenth_of_a_second_over_numpy():
    code = (
        "import numpy, time; start = time.perf_counter(); import fastembed; "
        "print(time.perf_counter() - start)"
    )
    assert min(float(run("-c", code).stdout) for _ in range(3)) < 0.1


def test_a_bad_option_is_refused_before_numba_is_loaded():
    code = (
        "import sys; from fastembed.__main__ import main\n"
        "try: main(['train', '--epochs', '0'])\n"
        "except SystemExit: print('numba' in sys.modules, 'scipy' in sys.modules)"
    )
    assert run("-c", code).stdout == "False False\n"


def test_a_bad_thread_count_in_the_environment_ends_with_one_line(tmp_path):
    (tmp_path / "text.txt").write_text("some words here .\n\n" * 500)
    done = run(
        *"-m fastembed train text.txt --embed 4 --hidden 4 --batch 2 --steps 5".split(),
        cwd=tmp_path,
        env={**os.environ, "FASTEMBED_NUM_THREADS": "many"},
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "FASTEMBED_NUM_THREADS" in done.stderr


def test_letters_that_stdout_does_not_know_are_replaced(tmp_path):
    (tmp_path / "текст.txt").write_text("кошка спит .\n\n" * 300, encoding="utf-8")
    done = run(
        *"-m fastembed train текст.txt --embed 4 --hidden 4 --batch 2 --steps 5".split(),
        *"--epochs 1 --no-compare".split(),
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "text        ?????.txt" in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("arguments", ["info", "--help", "--version", "train --help", "warmup"])
@pytest.mark.parametrize("unbuffered", [[], ["-u"]], ids=["", "unbuffered"])
def test_a_full_standard_output_ends_with_one_line(arguments, unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, *unbuffered, "-m", "fastembed", *arguments.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "error: No space left on device" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell's closing of standard output")
def test_a_closed_standard_output_is_no_error():
    code = "exec 1>&-; exec " + " ".join([sys.executable, "-m fastembed info"])
    done = run("-c", "import sys, os; os.execvp('sh', ['sh', '-c', sys.argv[1]])", code)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("error", [MemoryError(), ImportError("no memory\nfor numpy")])
def test_too_little_memory_ends_with_one_line(error, monkeypatch, capsys):
    def fail(name):
        raise error

    monkeypatch.setattr(command_line.importlib, "import_module", fail)
    monkeypatch.setattr(command_line, "_silence", lambda: None)
    assert command_line.main(["info"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
