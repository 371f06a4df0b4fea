"""``python -m fastembed``: dispatch, help, and what it costs to start."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import fastembed
from fastembed import __main__ as command_line


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, **options
    )


def fits_a_screen(text):
    lines = text.splitlines()
    assert len(lines) <= 50 and max(map(len, lines)) <= 80, text
    assert "\nexample" in text


def test_version_and_help_of_every_command(here, tmp_path):
    done = here("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"fastembed-layers {fastembed.__version__}\n")
    usage = here("--help", cwd=tmp_path).stdout
    for command in command_line.COMMANDS:
        assert f"  {command}" in usage
        done = here(command, "--help", cwd=tmp_path)
        assert done.returncode == 0
        assert done.stdout.startswith(f"usage: python -m fastembed {command}")
        fits_a_screen(done.stdout)
    fits_a_screen(usage)
    done = here("train", "--help", cwd=tmp_path)
    assert "of the hidden state (lm/addition/date 128" in " ".join(done.stdout.split())


def test_without_a_command_it_prints_help_and_fails(here, tmp_path):
    done = here(cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "" and "commands:" in done.stderr


@pytest.mark.parametrize("arguments", [["dance"], ["--dance"], ["info", "--dance"], ["info", "x"]])
def test_what_it_does_not_know_ends_with_one_line(arguments, here, tmp_path):
    done = here(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "error: " in done.stderr


@pytest.fixture
def module(monkeypatch):
    """What a command's module does is set as its ``main``."""
    module = SimpleNamespace()
    monkeypatch.setattr(command_line.importlib, "import_module", lambda name: module)
    return module


def test_everything_after_the_command_is_the_commands_own(module):
    arguments = ["--report", "script.py", "--help", "--version", "-x", "--", "train"]
    module.main = lambda argv: 7 if argv == arguments else 0
    for command in ("run", "bench"):
        assert command_line.main([command, *arguments]) == 7


def test_the_runner_gets_errors_and_interrupts_of_the_script(module):
    def interrupt(argv):
        raise KeyboardInterrupt

    module.main = interrupt
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


def test_a_bad_option_is_refused_before_numba_is_loaded():
    code = (
        "import sys; from fastembed.__main__ import main\n"
        "try: main(['train', '--epochs', '0'])\n"
        "except SystemExit: print('numba' in sys.modules, 'scipy' in sys.modules)"
    )
    assert run("-c", code).stdout == "False False\n"


@pytest.mark.parametrize("setting", ["FASTEMBED_NUM_THREADS", "FASTEMBED_ISA"])
def test_a_bad_setting_in_the_environment_ends_with_one_line(tmp_path, setting):
    (tmp_path / "text.txt").write_text("some words here .\n\n" * 500)
    done = run(
        *"-m fastembed train text.txt --embed 4 --hidden 4 --batch 2 --steps 5".split(),
        cwd=tmp_path,
        env={**os.environ, setting: "many"},
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and setting in done.stderr


def test_letters_that_stdout_does_not_know_are_replaced(tmp_path):
    (tmp_path / "текст.txt").write_text("кошка спит .\n\n" * 300, encoding="utf-8")
    done = run(
        *"-m fastembed train текст.txt --embed 4 --hidden 4 --batch 2 --steps 5".split(),
        *"--epochs 1".split(),
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "text        ?????.txt" in done.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("arguments", ["info", "--help", "train --help"])
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
def test_too_little_memory_ends_with_one_line(error, module, monkeypatch, capsys):
    def fail(argv):
        raise error

    module.main = fail
    monkeypatch.setattr(command_line, "_silence", lambda: None)
    assert command_line.main(["info"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
