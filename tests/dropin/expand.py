"""Variants in full."""

import ast


def whole(text, book):
    """A variant's text, with the textbook's definitions that its ``CHANGED`` names in place of it.

    ``CHANGED = {"Adam": {"lr=0.001": "lr=0.1"}}`` stands for the class with these words changed;
    what it uses of the textbook is imported from there.
    """
    lines, changed = text.splitlines(keepends=True), {}
    nodes, parts = (
        {getattr(node, "name", k): node for k, node in enumerate(ast.parse(code).body)}
        for code in (text, book)
    )
    for node in reversed(nodes.values()):
        place = slice(node.lineno - 1, node.end_lineno)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CHANGED":
            changed = ast.literal_eval(node.value)
            own = [
                _changed(ast.get_source_segment(book, parts[name]), words)
                for name, words in changed.items()
            ]
            used = {n.id for n in ast.walk(ast.parse("\n".join(own))) if isinstance(n, ast.Name)}
            used = sorted((used & parts.keys()) - changed.keys() - nodes.keys())
            head = ["from common import np\n", *(f"from textbook import {name}\n" for name in used)]
            lines[place] = [*head, "\n\n", "\n\n\n".join(own), "\n"]
        elif isinstance(node, ast.ImportFrom) and node.module == "textbook":
            names = [alias.name for alias in node.names if alias.name not in changed]
            lines[place] = [f"from textbook import {name}\n" for name in names]
    return "".join(lines)


def _changed(text, words):
    for old, new in words.items():
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text
