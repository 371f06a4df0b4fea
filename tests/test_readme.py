"""README as a new user reads it: every code block runs, every link leads somewhere."""

import os
import re
from pathlib import Path

import pytest
from helpers import python

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))


def blocks(page, language):
    pattern = rf"^```{language}\n(.*?)^```$"
    return re.findall(pattern, page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def identified(language):
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, language))
    ]


def run(arguments, folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CFLAGS": "-O0"}
    result = python(*arguments, cwd=folder, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("block", identified("python"))
def test_python_blocks_run(block, tmp_path):
    (tmp_path / "block.py").write_text(block, "utf-8")
    printed = run(["-W", "error::RuntimeWarning", "block.py"], tmp_path)
    for line in re.findall(r"^print\(.*?\)\s+# (.*)$", block, flags=re.MULTILINE):
        assert line in printed.splitlines()


@pytest.mark.parametrize("block", identified("cython"))
def test_cython_blocks_compile_and_run(block, tmp_path):
    (tmp_path / "block.pyx").write_text(block, "utf-8")
    (tmp_path / "setup.py").write_text(
        "from Cython.Build import cythonize\n"
        "from setuptools import setup\n"
        "setup(ext_modules=cythonize('block.pyx'))\n"
    )
    run(["setup.py", "-q", "build_ext", "--inplace"], tmp_path)
    code = """
import numpy as np
import block
from fastembed import reference
draw = np.random.default_rng(0).standard_normal
x, h, c, Wx, Wh, b = (
    draw(shape).astype("f") for shape in [(2, 3), (2, 4), (2, 4), (3, 16), (4, 16), 16]
)
gates, h_next, c_next = np.empty((2, 16), "f"), np.empty((2, 4), "f"), np.empty((2, 4), "f")
block.step(x, h, c, Wx, Wh, b, gates, h_next, c_next)
expected = reference.lstm_cell(x, h, c, Wx, Wh, b)
np.testing.assert_allclose(h_next, expected[0], rtol=1e-5, atol=1e-6)
np.testing.assert_allclose(c_next, expected[1], rtol=1e-5, atol=1e-6)
"""
    run(["-c", code], tmp_path)


def test_there_are_blocks_of_each_kind():
    readme = PAGES[0]
    assert len(blocks(readme, "python")) >= 4
    assert len(blocks(readme, "cython")) == 1


def test_quick_start_is_two_lines_and_ci_runs_the_second_with_lint_between():
    section = (ROOT / "README.md").read_text("utf-8").split("## Quick start")[1].split("\n## ")[0]
    (block,) = re.findall(r"^```console\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    first, second = block.splitlines()
    assert "python -m fastembed train" in first
    install, test = second.split(" && ")
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert ci.endswith(f"\n{install}\nbash .ci/lint\n{test}\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_subcommands_in_readme_exist():
    text = (ROOT / "README.md").read_text("utf-8")
    usage = run(["-m", "fastembed", "--help"], ROOT)
    commands = set(re.findall(r"python -m fastembed (\w+)", text))
    assert {"train", "run", "bench", "info", "warmup"} <= commands
    for command in commands:
        assert command in usage
