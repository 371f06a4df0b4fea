"""Who may import whom, read from the syntax trees; and what importing the package costs."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest
from helpers import run_code

PACKAGE = Path(__file__).parents[1] / "fastembed"
ANYTHING = None

# room -> rooms of ours that it may import (besides itself)
LAYERS = {"ops", "functions", "layers", "time_layers", "attention", "_arrays", "np", "config"}
LAYERS |= {"_check", "_gradients", "_inputs", "sparse"}
TRAINING = LAYERS | {"models", "trainer", "optimizer", "util", "base_model", "_files", "generation"}
TRAINING |= {"recurrent_layers"}
ARROWS = {
    "__init__": {"_lazy", "_version", "dropin"},
    "_lazy": set(),
    "_version": set(),
    "kernels": set(),
    "_check": set(),
    "runtime": set(),
    "threads": {"runtime"},
    "_files": set(),
    "_errors": set(),
    "text": {"_errors", "_files"},
    "reference": {"_lazy", "models"},
    "word2vec": {"ops", "vectors", "_check"},
    "ops": {"kernels", "runtime", "_check", "_lazy"},
    "functions": LAYERS,
    "layers": LAYERS,
    "time_layers": LAYERS,
    "recurrent_layers": LAYERS,
    "attention": LAYERS,
    "optimizer": LAYERS,
    "sparse": LAYERS | {"reference"},
    "np": LAYERS,
    "tables": {"_files", "ops", "_check", "_inputs"},
    "config": set(),
    "_arrays": LAYERS,
    "_gradients": LAYERS | {"reference"},
    "_inputs": {"_check"},
    "util": TRAINING,
    "base_model": TRAINING | {"text"},
    "generation": LAYERS,
    "models": TRAINING,
    "trainer": TRAINING,
    "vectors": {"_files", "_check", "ops", "runtime", "text"},
    "exchange": TRAINING | {"_onnx"},
    "_onnx": TRAINING,
    "dropin": TRAINING | {"threads", "_lazy"},
    "__main__": ANYTHING,
    "tasks": TRAINING | {"threads", "text", "_errors", "vectors", "word2vec"},
    "cli": ANYTHING,
    "bench": ANYTHING,
}
# third-party packages that a room may import; the standard library is free to all
PACKAGES = {
    "_check": {"numpy"},
    "threads": set(),
    "runtime": set(),
    "reference": {"numpy"},
    "_files": {"numpy"},
    "text": {"numpy", "tqdm", "regex", "tokenizers", "charset_normalizer"},
    "vectors": {"numpy", "tqdm", "gensim"},
    "exchange": {"numpy", "torch"},
    "_onnx": {"numpy", "onnx"},
    "kernels": {"numpy", "numba", "llvmlite", "cython"},
}


def room(path):
    return path.parts[0].removesuffix(".py")


def imports(path, source):
    """Every module that a file imports, by its full name, wherever in the file."""
    package = ["fastembed", *path.parent.parts]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def forbidden(path, source):
    """What a file imports against the tables."""
    here = room(path)
    assert here in ARROWS, f"{here} is a new room: say in this table whom it may import"
    for name in imports(path, source):
        top, *rest = name.split(".")
        if top == "fastembed":
            allowed = ARROWS[here]
            if allowed is not ANYTHING and rest and rest[0] not in {*allowed, here, "__version__"}:
                yield name
        elif here in PACKAGES and top not in {*PACKAGES[here], *sys.stdlib_module_names}:
            yield name


FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_arrows(path):
    assert list(forbidden(path, (PACKAGE / path).read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("kernels/a.py", "import fastembed.ops", ["fastembed.ops"]),
        ("kernels/a.py", "def f():\n    from ..ops.a import b", ["fastembed.ops.a.b"]),
        ("kernels/a.py", "from fastembed import __version__, layers", ["fastembed.layers"]),
        ("kernels/b/a.py", "from . import c\nfrom ... import ops", ["fastembed.ops"]),
        ("_check.py", "import json, numba.core\nimport numpy as np", ["numba.core"]),
        ("layers.py", "from fastembed import models, ops\nimport numba", ["fastembed.models"]),
    ],
)
def test_a_forbidden_arrow_is_seen(path, source, found):
    assert list(forbidden(Path(path), source)) == found


def test_importing_the_package_imports_neither_numba_nor_scipy():
    code = (
        "import sys, fastembed, fastembed.ops\n"
        "print([m for m in ('numba', 'llvmlite', 'scipy', 'threadpoolctl') if m in sys.modules])"
    )
    result = run_code(code)
    assert result.stdout == "[]\n", result.stderr


def test_no_module_takes_the_place_of_a_public_name():
    """An import leaves the module as an attribute of its package, where a lazy name would be."""
    for package in ("fastembed", "fastembed.ops"):
        stub = Path(importlib.import_module(package).__file__ + "i").read_text("utf-8")
        names = re.findall(r"from fastembed\.\S*?(\w+) import (\w+) as", stub)
        assert len(names) > 10 and all(module != name for module, name in names)


def test_every_public_name_can_be_imported():
    import fastembed
    from fastembed import ops

    for package in (fastembed, ops):
        assert package.__all__ == sorted(package.__all__)
        for name in package.__all__:
            assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        fastembed.nothing  # noqa: B018


def test_an_op_is_none_of_its_modules_in_any_order_of_use():
    code = (
        "from fastembed import ops\n"
        "assert all(callable(getattr(ops, name)) for name in reversed(ops.__all__))"
    )
    result = run_code(code)
    assert result.returncode == 0, result.stderr


def test_every_op_has_a_plain_numpy_twin():
    from fastembed import ops, reference

    missing = [name for name in ops.__all__ if not hasattr(reference, name)]
    assert missing == []


@pytest.mark.parametrize("name", ["fastembed", "fastembed.ops", "fastembed.dropin"])
def test_a_lazy_package_has_all_that_its_stub_imports(name):
    package = importlib.import_module(name)
    stub = ast.parse((Path(package.__file__).parent / "__init__.pyi").read_text("utf-8"))
    lines = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    assert sorted(alias.asname for line in lines for alias in line.names) == package.__all__
    assert dir(package) == package.__all__
