"""Sphinx: ``sphinx-build -W docs build/docs`` (extra ``docs``)."""

import re
import types
from pathlib import Path

from pygments.lexers.shell import BashLexer
from sphinx.highlighting import lexers

import fastembed
from fastembed._version import __version__

project, release = "fastembed", __version__
copyright = "the authors of fastembed-layers"
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"fastembed {release}"
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_show_sourcelink = False
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_typehints = "none"  # the docstrings say shapes
autodoc_member_order = "bysource"
pygments_style, pygments_dark_style = "friendly", "monokai"

lexers["console"] = BashLexer()  # commands without a prompt, not their output

HERE = Path(__file__).parent


def public():
    """The modules of the package that say what is public in them."""
    for name in fastembed.__all__:
        value = getattr(fastembed, name)
        if isinstance(value, types.ModuleType) and hasattr(value, "__all__"):
            yield value


def setup(app):
    app.connect("source-read", fill)


def fill(app, name, source):
    """Complete two pages: the last list of index, and the reference."""
    if name == "index":
        named = set(re.findall(r"^[\w-]+$", source[0], re.MULTILINE))
        rest = sorted(p.stem for p in HERE.glob("*.md") if p.stem not in named | {"index"})
        source[0] = source[0].replace("%REST%", "\n".join(rest))
    elif name == "api":
        source[0] += "\n".join(map(reference, public()))


def reference(module):
    """A section of what a module makes public and no other module did."""
    about = (module.__doc__ or "").partition("\n")[0]
    lines = [f"\n## {module.__name__}\n", f"{about}\n", "```{eval-rst}"]
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value) and (value.__module__ or "").startswith(module.__name__):
            kind = "autoclass" if isinstance(value, type) else "autofunction"
            lines.append(f".. {kind}:: {module.__name__}.{name}")
            if kind == "autoclass":
                lines += ["   :members:", "   :inherited-members:"]
            lines.append("")
    return "\n".join([*lines, "```"])
