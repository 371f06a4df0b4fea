"""The examples run, each at a small size, and the notebook in IPython."""

import ast
import json

import pytest
from pages import ROOT, run

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NOTEBOOK = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        shell.run_cell("".join(cell["source"]), store_history=True).raise_error()
"""
LEFT = {"first_steps": "first-steps.safetensors", "dates": "attention.png"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, tmp_path):
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert run([path], tmp_path, EXAMPLE_SIZE="0.01")
    if path.stem in LEFT:
        assert (tmp_path / LEFT[path.stem]).exists()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebook_runs(path, tmp_path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)  # pictures of another machine
    printed = run(["-c", NOTEBOOK, path], tmp_path, IPYTHONDIR=str(tmp_path))
    assert "times as fast" in printed
    for name in ("TimeEmbedding", "TimeLSTM", "TimeAffine", "TimeSoftmaxWithLoss"):
        assert name in printed  # in the report
