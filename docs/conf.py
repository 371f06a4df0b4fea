"""Sphinx: ``sphinx-build -W docs build/docs`` (extra ``docs``)."""

import importlib
import re
from pathlib import Path

from pygments.lexers.shell import BashLexer
from sphinx.highlighting import lexers

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
MODULES = {
    "ops": "Functions of arrays",
    "layers": "Layers without a time axis",
    "time_layers": "Recurrent layers, layers over a time axis",
    "attention": "Attention",
    "models": "Models",
    "optimizer": "Optimizers",
    "trainer": "Training loops",
    "base_model": "Files of parameters",
    "util": "Helpers",
    "threads": "Threads",
    "dropin": "Accelerating classes in place",
}


def setup(app):
    app.connect("source-read", fill)


def fill(app, name, source):
    """Complete two pages: the last list of index, and the reference."""
    if name == "index":
        named = set(re.findall(r"[\w-]+", source[0]))
        rest = sorted(p.stem for p in HERE.glob("*.md") if p.stem not in named | {"index"})
        source[0] = source[0].replace("%REST%", "\n".join(rest))
    elif name == "api":
        source[0] += "\n".join(map(reference, MODULES))


def reference(module):
    """What a module makes public and no other module did, a directive for each name."""
    space = importlib.import_module(f"fastembed.{module}")
    lines = [f"\n## {MODULES[module]}: `fastembed.{module}`\n", "```{eval-rst}"]
    for name in getattr(space, "__all__", []) or dir(space):
        value = getattr(space, name)
        home = getattr(value, "__module__", "") or ""
        if name.startswith("_") or not callable(value) or not home.startswith("fastembed"):
            continue
        if module != "ops" and home != space.__name__ and not home.startswith("fastembed.dropin"):
            continue
        kind = "autoclass" if isinstance(value, type) else "autofunction"
        lines.append(f".. {kind}:: fastembed.{module}.{name}")
        if kind == "autoclass":
            lines += ["   :members:", "   :inherited-members:"]
        lines.append("")
    return "\n".join([*lines, "```"])
