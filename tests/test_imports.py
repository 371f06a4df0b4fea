"""Who may import whom, read from the syntax trees; and what importing the package costs."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fastembed"
ANYTHING = None

# room -> rooms of ours that it may import (besides itself)
LAYERS = {"ops", "functions", "layers", "time_layers", "attention", "_arrays", "np", "config"}
TRAINING = LAYERS | {"models", "trainer", "optimizer", "util", "base_model", "_files"}
ARROWS = {
    "__init__": {"_lazy", "_version", "dropin"},
    "_lazy": set(),
    "_version": set(),
    "kernels": set(),
    "_check": set(),
    "runtime": set(),
    "threads": {"runtime"},
    "_files": set(),
    "reference": {"_lazy"},
    "ops": {"kernels", "runtime", "_check", "_lazy"},
    "functions": LAYERS,
    "layers": LAYERS,
    "time_layers": LAYERS,
    "attention": LAYERS,
    "optimizer": LAYERS,
    "np": LAYERS,
    "config": set(),
    "_arrays": LAYERS,
    "util": TRAINING,
    "base_model": TRAINING,
    "models": TRAINING,
    "trainer": TRAINING,
    "dropin": TRAINING | {"threads", "_lazy"},
    "__main__": ANYTHING,
    "tasks": TRAINING | {"threads"},
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
    "kernels": {"numpy", "numba", "llvmlite", "cython"},
}


def room(path):
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path):
    """Every module that a file imports, by its full name, wherever in the file."""
    package = ["fastembed", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows(path):
    here = room(path)
    assert here in ARROWS, f"{here} is a new room: say in this table whom it may import"
    for name in imports(path):
        top, *rest = name.split(".")
        if top == "fastembed":
            allowed = ARROWS[here]
            if allowed is not ANYTHING and rest and rest[0] != here:
                assert rest[0] in allowed | {"__version__"}, f"{here} must not import {name}"
        elif here in PACKAGES and top not in sys.stdlib_module_names:
            assert top in PACKAGES[here], f"{here} must not import {name}"


def test_a_forbidden_arrow_is_seen():
    source = PACKAGE / "kernels" / "negatives.py"
    assert set(imports(source)) == {
        "fastembed.kernels._args.doubles",
        "fastembed.kernels._args.ids",
        "fastembed.kernels._args.int_matrix",
        "fastembed.kernels._args.integer",
        "fastembed.kernels._jit.entry",
        "fastembed.kernels._jit.kernel",
    }


def test_importing_the_package_imports_neither_numba_nor_scipy():
    code = (
        "import sys, fastembed, fastembed.ops\n"
        "print([m for m in ('numba', 'llvmlite', 'scipy', 'threadpoolctl') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr


def test_every_public_name_can_be_imported():
    import fastembed
    from fastembed import ops

    for package in (fastembed, ops):
        assert package.__all__ == sorted(package.__all__)
        for name in package.__all__:
            assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        fastembed.nothing  # noqa: B018


def test_every_op_has_a_plain_numpy_twin():
    from fastembed import ops, reference

    missing = [name for name in ops.__all__ if not hasattr(reference, name)]
    assert missing == []


@pytest.mark.parametrize("name", ["fastembed", "fastembed.ops"])
def test_type_stubs_name_what_the_lazy_package_has(name):
    package = importlib.import_module(name)
    stub = ast.parse(Path(package.__file__ + "i").read_text("utf-8"))
    imported = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    assert sorted(alias.asname for node in imported for alias in node.names) == package.__all__


@pytest.mark.parametrize(
    "source", sorted(PACKAGE.rglob("*.pyx")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_type_stubs_name_what_the_compiled_module_has(source):
    """Functions and their parameters, in order."""
    compiled = {}
    for name, parameters in re.findall(
        r"^(?:def|cpdef(?: \w+)*?) (\w+)\(([^)]*)\)", source.read_text("utf-8"), flags=re.MULTILINE
    ):
        if not name.startswith("_"):
            names = (parameter.split("=")[0].split() for parameter in parameters.split(","))
            compiled[name] = [words[-1] for words in names if words and words != ["*"]]
    stub = ast.parse(source.with_suffix(".pyi").read_text("utf-8"))
    functions = [node for node in stub.body if isinstance(node, ast.FunctionDef)]
    stubs = {
        node.name: [argument.arg for argument in node.args.args + node.args.kwonlyargs]
        for node in functions
    }
    parts = source.relative_to(PACKAGE.parent).with_suffix("").parts
    module = importlib.import_module(".".join(parts))
    for name in stubs.keys() - compiled.keys():  # imported from another module
        assert hasattr(module, name)
        del stubs[name]
    assert stubs == compiled
