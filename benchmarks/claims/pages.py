"""The documentation's numbers, tables and pictures, from a run's figures.

A page has ``<!--part.name-->text<!--/-->`` where it quotes a number, or a table. The text between
is written here, and a test says when it is not that of ``docs/claims.json``.
"""

import json
import re
from pathlib import Path

from benchmarks import claims
from benchmarks.claims import drawings, sharing

DOCS = Path("docs")
QUOTE = re.compile(r"<!--([a-z]+\.[^\s>]+?)-->(.*?)<!--/-->", re.DOTALL)


def quotes(data):
    """All that pages can quote: ``part.name`` -> text."""
    found = {}
    for name, figures in data["parts"].items():
        part = claims.part(name)
        found[f"{name}.table"] = f"\n{part.table(figures)}\n"
        for key, text in part.quotes(figures).items():
            found[f"{name}.{key.replace(' ', '-')}"] = text
    if sharing.NEEDS <= data["parts"].keys():
        found["sharing.table"] = f"\n{sharing.table(found)}\n"
    found["run.how"] = how(data)
    return found


def how(data):
    """Where the figures come from."""
    kind = " (a quick run: sizes are small)" if data["quick"] else ""
    return f"{data['machine']}; {data['versions']}; `{data['command']}`{kind}"


def fill(text, found):
    """A page with the numbers that it quotes.

    Raises
    ------
    ValueError
        If it quotes a number that there is not.
    """

    def number(match):
        if match[1] not in found:
            raise ValueError(f"there is no figure {match[1]}")
        return f"<!--{match[1]}-->{found[match[1]]}<!--/-->"

    return QUOTE.sub(number, text)


def draw(data, folder):
    """A picture of each part."""
    for name, figures in data["parts"].items():
        with drawings.picture(folder / f"claims-{name}.png") as figure:
            claims.part(name).draw(figures, figure)


def write(data, root="."):
    """Write docs/claims.json, the pages' numbers and tables, and the pictures; return the paths."""
    docs = Path(root) / DOCS
    found, written = quotes(data), [docs / "claims.json"]
    written[0].write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    for page in sorted(docs.rglob("*.md")):
        text = page.read_text("utf-8")
        if QUOTE.search(text):
            page.write_text(fill(text, found), "utf-8")
            written.append(page)
    draw(data, docs / "img")
    drawings.draw(docs / "img")
    return [*written, docs / "img"]
