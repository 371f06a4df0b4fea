"""The documentation as pages, and the numbers in it."""

import json
import re

import pytest
from pages import PAGES, ROOT, named, run

from benchmarks.claims import pages as claims

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def figures():
    return claims.quotes(json.loads((DOCS / "claims.json").read_text("utf-8")))


def test_the_pages_are_built_without_a_warning(tmp_path):
    """Which also finds links that lead nowhere, and pages that no list names."""
    run(["-m", "sphinx", "-W", "--keep-going", "-q", DOCS, tmp_path / "html"], ROOT)
    index = (tmp_path / "html" / "index.html").read_text("utf-8")
    for page in DOCS.glob("*.md"):
        assert f"{page.stem}.html" in index
    api = (tmp_path / "html" / "api.html").read_text("utf-8")
    for name in ("ops.gather", "ops.lstm_backward", "layers.Embedding", "models.AttentionSeq2seq"):
        assert f'id="fastembed.{name}"' in api
    assert "(N, T, D)" in api


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=named)
def test_numbers_in_the_pages_are_those_that_were_measured(page, figures):
    text = page.read_text("utf-8")
    assert claims.fill(text, figures) == text
    # a line that begins with a comment would be HTML to Markdown
    assert not re.search(r"^[ >-]*<!--[^/\n]*-->[^\n]+", text, flags=re.MULTILINE)


def test_a_number_that_has_changed_is_seen(figures):
    page = "in <!--separate.B-->100<!--/--> and\n\n<!--same.table-->\n| old |\n<!--/-->\n"
    filled = claims.fill(page, figures)
    assert figures["separate.B"] in filled and "old" not in filled
    assert claims.fill(filled, figures) == filled
    with pytest.raises(ValueError, match="there is no figure none.such"):
        claims.fill("<!--none.such-->1<!--/-->", figures)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
