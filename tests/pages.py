"""README and the documentation: their pages, and the blocks of code in them."""

import os
import re
from pathlib import Path

from helpers import python

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("README.*.md"))]
PAGES += [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def named(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page, language):
    pattern = rf"^```{language}\n(.*?)^```$"
    return re.findall(pattern, page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def run(arguments, folder, **more):
    """What a Python process prints; it must end well."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CFLAGS": "-O0", "MPLBACKEND": "Agg"}
    result = python(*arguments, cwd=folder, env=environment | more)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
