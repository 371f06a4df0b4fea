"""A debugger follows the lines of forward."""

import sys

from common import normal, step
from textbook import MatMul


def run():
    layer, lines = MatMul(normal(400, 300)), []
    step(layer, normal(50, 400))

    def trace(frame, event, arg):
        if frame.f_code.co_name in ("forward", "backward") and frame.f_code.co_filename.endswith(
            "textbook.py"
        ):
            lines.append((event, frame.f_code.co_name))
            return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        step(layer, normal(50, 400))
    finally:
        sys.settrace(before)
    yield sorted(set(lines))
