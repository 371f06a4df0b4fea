"""What is shipped: wheel and sdist build, hold what they should, and the wheel works elsewhere."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel made from the sdist, which is made from a copy of the sources."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    built_here = ("build", "*.so", "*.pyd", "*.egg-info", "__pycache__", ".*", "dist")
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*built_here))
    run = [sys.executable, "-c", "from setuptools import build_meta as b; import sys; "]
    for step in ("build_sdist", "build_wheel"):
        command = run[:2] + [run[2] + f"b.{step}(sys.argv[1])", str(folder)]
        result = subprocess.run(
            command,
            cwd=source,
            env={**os.environ, "CFLAGS": "-O0"},
            capture_output=True,
            text=True,
        )
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
        assert f"{stem}.pyi" in names
    assert "fastembed/kernels/lstm.pxd" in names
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
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


def test_version_is_the_same_everywhere():
    import tomllib

    import fastembed

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == fastembed.__version__
    assert f"## {fastembed.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
