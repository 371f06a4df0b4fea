"""README and the documentation as a new user reads them: every code block runs."""

import re

import pytest
from pages import PAGES, ROOT, blocks, named, run

RUN = """
import runpy, sys
for path in sys.argv[1:]:
    print(f"--- {path}", flush=True)
    runpy.run_path(path, run_name="__main__")
print("--- end")
"""


def pages_with(language):
    return [pytest.param(page, id=named(page)) for page in PAGES if blocks(page, language)]


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_blocks_run(page, tmp_path):
    """Each as a script of its own, those of a page one after the other in one process."""
    found = blocks(page, "python")
    for number, block in enumerate(found):
        (tmp_path / f"block{number}.py").write_text(block, "utf-8")
    names = [f"block{number}.py" for number in range(len(found))]
    printed = run(["-W", "error::RuntimeWarning", "-c", RUN, *names], tmp_path)
    outputs = re.split(r"^--- .*\n", printed, flags=re.MULTILINE)[1:-1]
    for block, output in zip(found, outputs, strict=True):
        for line in re.findall(r"^ *print\(.*\)\s+# (.*)$", block, flags=re.MULTILINE):
            assert line in output.splitlines()


@pytest.mark.parametrize("page", pages_with("cython"))
def test_cython_blocks_compile_and_run(page, tmp_path):
    """All show the same step; the blocks that are equal to README's are not compiled again."""
    (block,) = blocks(page, "cython")
    if page != PAGES[0]:
        assert block == blocks(PAGES[0], "cython")[0]
        return
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


def test_subcommands_in_readme_exist():
    text = (ROOT / "README.md").read_text("utf-8")
    usage = run(["-m", "fastembed", "--help"], ROOT)
    commands = set(re.findall(r"python -m fastembed (\w+)", text))
    assert {"train", "run", "bench", "info", "warmup"} <= commands
    for command in commands:
        assert command in usage
