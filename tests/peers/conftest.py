"""Every test here compares with another library; all are left out unless ``-m peers`` asks."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
# modules import what they compare with: without -m peers they are not even read
collect_ignore_glob: list[str] = []


def pytest_configure(config):
    if "not peers" in config.getoption("markexpr", ""):
        collect_ignore_glob.append("test_*.py")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.peers)
