"""What is shipped: wheel and sdist build, hold what they should, and the wheel works elsewhere."""

import email
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import numba
import numpy
import pytest
import scipy
import tqdm
from helpers import run_code

pytestmark = pytest.mark.timeout(300)  # they build the package, once
ROOT = Path(__file__).parents[1]
MADE_HERE = (
    "build dist *.so *.py[cod] *.nb[ic] *.egg-info __pycache__ .git .hypothesis .*_cache".split()
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel made from the sdist, which is made from a copy of the sources."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*MADE_HERE))
    quick = {**os.environ, "FASTEMBED_DEBUG": "1"}  # unoptimised: a third of the time
    for step in ("build_sdist", "build_wheel"):
        code = f"from setuptools import build_meta as b; import sys; b.{step}(sys.argv[1])"
        result = run_code(code, folder, cwd=source, env=quick, timeout=280)
        assert result.returncode == 0, result.stdout + result.stderr
        if step == "build_sdist":
            (sdist,) = folder.glob("*.tar.gz")
            with tarfile.open(sdist) as archive:
                archive.extractall(folder, filter="data")
            source = folder / sdist.name.removesuffix(".tar.gz")
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


def test_wheel_holds_the_package_and_nothing_else(built):
    _, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    metadata = {name for name in names if ".dist-info/" in name}
    assert all(name.startswith("fastembed/") for name in names - metadata)
    assert "fastembed/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in metadata)
    for source in (ROOT / "fastembed" / "kernels").glob("*.pyx"):
        stem = f"fastembed/kernels/{source.stem}"
        assert any(name.startswith(f"{stem}.cp") or name == f"{stem}.pyd" for name in names), stem
    stubs = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("fastembed/**/*.pyi")}
    assert {*stubs, "fastembed/kernels/lstm.pxd"} <= names
    assert not any(name.endswith((".c", ".nbi", ".nbc")) or "/tests/" in name for name in names)


def test_sdist_holds_what_a_build_needs(built):
    sdist, _ = built
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    sources = {
        str(path.relative_to(ROOT))
        for pattern in ("*.py", "*.pyx", "*.pxd", "*.h", "*.pyi")
        for path in (ROOT / "fastembed").rglob(pattern)
    }
    assert sources | {"setup.py", "pyproject.toml", "README.md", "LICENSE"} <= names


def test_sdist_holds_the_tests_with_all_that_they_read(built):
    sdist, _ = built
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    made = [re.compile(fnmatch.translate(pattern)) for pattern in MADE_HERE]
    wanted = {
        str(path.relative_to(ROOT))
        for folder in ("tests", "docs", "benchmarks", "examples")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and not any(p.match(part) for p in made for part in path.relative_to(ROOT).parts)
    }
    assert {"tests/data/book.npz", "examples/dates.py"} <= wanted
    wanted |= {path.name for path in ROOT.glob("*.md")}
    assert wanted | {".ci/run"} <= names


@pytest.fixture(scope="module")
def description(built):
    """The wheel's metadata, as an index reads them."""
    with zipfile.ZipFile(built[1]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_index_is_told_pythons_libraries_and_addresses(description):
    classifiers = description.get_all("Classifier")
    for minor in (11, 12, 13, 14):
        assert f"Programming Language :: Python :: 3.{minor}" in classifiers
    assert not any("Free Threading" in classifier for classifier in classifiers)  # it is declined
    assert "numba>=0.62" in description.get_all("Requires-Dist")  # 0.61 aborts in softmax
    assert all("https://" in url for url in description.get_all("Project-URL"))


def test_links_and_pictures_of_the_description_lead_somewhere_from_an_index(description):
    text = description.get_payload()
    assert "# fastembed" in text and "| gather, 30k" in text
    assert not re.findall(r"\]\((?!http)[^)]*\)", text)


def test_free_threaded_python_is_declined_by_every_compiled_module(built):
    sdist, _ = built
    unpacked = sdist.parent / sdist.name.removesuffix(".tar.gz")
    sources = sorted((unpacked / "build/cython").rglob("*.c*"))
    assert len(sources) == len(list((ROOT / "fastembed").rglob("*.pyx")))
    for source in sources:
        text = source.read_text("utf-8")
        assert re.search(r"define __Pyx_FREETHREADING_COMPATIBLE Py_MOD_GIL_USED", text), source


def test_the_advice_of_info_repairs_an_installation(built, tmp_path):
    """Beside the other fastembed, which came last: its __init__.py lies over this package's."""
    venv.create(tmp_path / "venv", with_pip=False)
    (python,) = [*tmp_path.glob("venv/bin/python"), *tmp_path.glob("venv/Scripts/python.exe")]
    (site,) = [*tmp_path.glob("venv/lib/python*/site-packages"), *tmp_path.glob("venv/Lib/site-*")]
    libraries = {Path(module.__file__).parents[1] for module in (numpy, numba, scipy, tqdm)}
    (site / "libraries.pth").write_text("\n".join(map(str, libraries)))
    other = tmp_path / "fastembed-0.7.3-py3-none-any.whl"
    info = "fastembed-0.7.3.dist-info"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("fastembed/__init__.py", "class TextEmbedding:\n    pass\n")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: fastembed\nVersion: 0.7.3"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )
        archive.writestr(f"{info}/RECORD", "fastembed/__init__.py,,\n")

    def run(*arguments):
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            arguments, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    for wheel in (built[1], other):
        run(*pip, "install", "--no-index", "--no-deps", str(wheel))
    (advice,) = re.findall(r"alone: (pip .* && pip .*)", run(python, "-m", "fastembed", "info"))
    for command in advice.split(" && "):
        run(*pip, *command.split()[1:], *(["--no-index"] if "install" in command.split() else []))
    assert "WARNING" not in run(python, "-m", "fastembed", "info")
    run(python, "-c", "import fastembed; fastembed.gather")


def test_wheel_works_away_from_the_source(built, tmp_path):
    _, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = """
import sys
import fastembed, numpy as np
from fastembed import ops
assert fastembed.__file__.startswith(sys.argv[1]), fastembed.__file__
hs, h, c, cache = ops.lstm(np.ones((2, 3, 4)), *map(np.ones, [(4, 20), (5, 20), 20]))
assert hs.shape == (2, 3, 5) and ops.gather(np.eye(3), [1])[0, 1] == 1
"""
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    result = run_code(code, tmp_path, cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr


def test_version_is_the_same_everywhere():
    import tomllib

    import fastembed

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == fastembed.__version__
    assert f"## {fastembed.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
