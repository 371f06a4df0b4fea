"""``python -m fastembed run``: a script or module as Python itself would run it, accelerated."""

import ast
import builtins
import importlib.util
import os
import sys
import types
from importlib.machinery import SourceFileLoader

from fastembed.dropin import hook, reporting, site
from fastembed.dropin.session import session
from fastembed.dropin.watch import clock

USAGE = """\
usage: python -m fastembed run [--report] [--strict] [--verify] SCRIPT [ARGS]
       python -m fastembed run [--report] [--strict] [--verify] -m MODULE [ARGS]

Run a Python script, unedited, with its book-style layers accelerated.

  --report  print at the end what was accelerated, what was not, and why
  --strict  end with status 1 if anything known was left alone or fell back
  --verify  run the script's own code too in every call, and compare; slow

example:
  python -m fastembed run --report train_rnnlm.py
"""
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")


def main(argv=None):
    """Run a script; its output, exit status and traceback are what they are without us."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = set()
    while arguments and arguments[0] in ("--report", "--strict", "--verify"):
        options.add(arguments.pop(0))
    if arguments and arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    as_module = arguments[:1] == ["-m"]
    target = arguments[as_module : as_module + 1]
    if not target or (target[0].startswith("-") and not as_module):
        print(USAGE, end="", file=sys.stderr)
        if target:
            print(f"python -m fastembed run: error: unknown option {target[0]}", file=sys.stderr)
        return 2
    rest = arguments[as_module + 1 :]
    prepared = (_module if as_module else _script)(target[0], rest)
    if isinstance(prepared, int):
        return prepared
    if "--report" in options:
        reporting.report_at_exit()
    session.counts = "--strict" in options
    clock.always = "--verify" in options
    try:
        _run(*prepared, shown=("<frozen runpy>",) if as_module else ())
    except SystemExit as end:
        if "--strict" not in options or end.code not in (None, 0):
            raise
    return _strict() if "--strict" in options else 0


def _script(path, rest):
    """The module ``__main__`` and its code for a script's path, or an exit status."""
    place = os.path.join(os.getcwd(), path)  # as Python says it, with any ./
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        print(
            f"python -m fastembed run: can't open file {place!r}: "
            f"[Errno {error.errno}] {error.strerror}",
            file=sys.stderr,
        )
        return 2
    sys.argv[:] = [path, *rest]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    main = _new_main(place, SourceFileLoader("__main__", place))
    return main, lambda: _compile(source, place, main)


def _module(name, rest):
    """The module ``__main__`` and its code for a module's name, or an exit status."""
    sys.argv[:] = ["-m", *rest]
    spec = _find(name)
    if spec is not None and spec.submodule_search_locations is not None:
        name += ".__main__"
        spec = _find(name)
    if spec is None or not hasattr(spec.loader, "get_code"):
        print(f"{sys.executable}: No module named {name}", file=sys.stderr)
        return 1
    sys.argv[0] = spec.origin
    main = _new_main(spec.origin, spec.loader)
    main.__spec__, main.__package__, main.__cached__ = spec, spec.parent, spec.cached
    if not hook.is_users_file(spec.origin):
        return main, lambda: spec.loader.get_code(name)
    return main, lambda: _compile(spec.loader.get_data(spec.origin), spec.origin, main)


def _find(name):
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None


def _new_main(place, loader):
    main = types.ModuleType("__main__")
    main.__file__, main.__loader__, main.__package__ = place, loader, None
    main.__builtins__, main.__cached__ = builtins, None
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    sys.modules["__main__"] = main
    return main


def _compile(source, place, main):
    """The script's code, with a look at ``__main__`` after each definition: before it is used."""
    mark = f"fastembed: look ({os.urandom(8).hex()})"
    tree = compile(source, place, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    code = compile(_Marks(mark).visit(tree), place, "exec", dont_inherit=True)

    def look():
        session.consider_names(vars(main))

    # the mark's constant becomes the function itself: no name of ours among the script's
    return code.replace(co_consts=tuple(look if c == mark else c for c in code.co_consts))


class _Marks(ast.NodeTransformer):
    """Puts ``mark.__call__()`` after each function and class at the top level."""

    def __init__(self, mark):
        self.call = f"{mark!r}.__call__()"

    def visit_ClassDef(self, node):
        call = ast.parse(self.call).body[0]
        return node, ast.increment_lineno(call, node.end_lineno - 1)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef


def _run(main, make_code, shown):
    """Execute the script; of the frames below it, tracebacks show those of the files in shown."""
    hook.install()
    try:
        exec(make_code(), vars(main))
    except SystemExit:
        raise
    except BaseException:
        # Python itself prints the error and chooses the status, for Ctrl-C too
        users = sys.excepthook

        def excepthook(kind, error, trace):
            _without_us(error, shown, set())
            users(kind, error, error.__traceback__)

        sys.excepthook = excepthook
        raise


def _without_us(error, shown, seen):
    """Take our frames out of an error's traceback, and out of those it came from."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    trace, traces = error.__traceback__, []
    while trace is not None:
        traces.append(trace)
        trace = trace.tb_next
    below = max((k for k, trace in enumerate(traces) if _file(trace) == __file__), default=-1)
    kept = [trace for trace in traces[: below + 1] if _file(trace) in shown]
    kept += [
        trace
        for trace in traces[below + 1 :]
        if not (_file(trace).startswith(FOLDER) or site.is_body(trace.tb_frame.f_code))
    ]
    following = None
    for trace in reversed(kept):
        trace.tb_next = following
        following = trace
    error.__traceback__ = following
    _without_us(error.__cause__, shown, seen)
    _without_us(error.__context__, shown, seen)


def _file(trace):
    return trace.tb_frame.f_code.co_filename


def _strict():
    complaints = reporting.complaints()
    for line in complaints:
        print(f"fastembed --strict: {line}", file=sys.stderr)
    return 1 if complaints else 0
