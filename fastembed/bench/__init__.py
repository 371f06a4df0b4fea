"""``python -m fastembed bench``: every contender in a process of its own, compared, then timed.

``python -m benchmarks`` in the source tree is the whole of it.
"""

import math
import time

from fastembed._errors import UserError, as_user_error
from fastembed.cli.options import Parser, add_threads

QUICK_LIMIT = 25  # seconds after which --quick begins no further case


def parser(prog, description, quick):
    """The options that both commands have."""
    p = Parser(
        prog=prog,
        description=description,
        examples=[f"{prog} --quick", f"{prog} --only lstm,gather --json out.json"],
    )
    p.add_argument("--quick", action="store_true", help=quick)
    p.add_argument(
        "--only",
        metavar="NAMES",
        help="only these parts (gather, scatter, recurrent …, separated by commas), or cases whose "
        "name contains one of NAMES",
    )
    p.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    return p


def check_writable(path):
    """Find out now, not after measuring, whether a file can be written; None is no file."""
    with as_user_error(f"cannot write {path}"):
        if path is not None:
            open(path, "a").close()


def main(argv):
    """Run the benchmark; return 0, or 1 when a contender disagreed or crashed."""
    from fastembed.bench import peers, report, runner, table

    p = parser(
        "python -m fastembed bench",
        "Time kernels against NumPy, and against PyTorch when it is installed. Each contender runs "
        "in a process of its own, and results are compared before anything is timed.",
        "fewer cases, within 30 s",
    )
    add_threads(p, "threads of ours and PyTorch's")
    p.add_argument(
        "--contender",
        metavar="MODULE:CLASS",
        action="append",
        default=[],
        help="let a class of yours take part (see fastembed.bench.peers)",
    )
    p.add_argument(
        "--skip", metavar="NAME", action="append", default=[], help="leave out a contender: torch"
    )
    p.add_argument("--list", action="store_true", help="print the names of the cases and end")
    options = p.parse_args(argv)
    sections = table.choose(table.SECTIONS, options.quick, options.only)
    if not sections:
        raise UserError(f"no part or case has {options.only!r} in its name")
    if options.list:
        print("\n".join(case.name for section in sections for case in section.cases))
        return 0
    check_writable(options.json)
    started = time.perf_counter()
    contenders = [c for c in peers.contenders(options.threads) if c.name not in options.skip]
    contenders += [peers.Contender(spec.split(":")[-1], spec) for spec in options.contender]
    end = started + QUICK_LIMIT if options.quick else math.inf
    try:
        with runner.Session(patience=1.5, say=report.progress) as session:
            race = runner.race(session, sections, lambda _: contenders, end)
            rows = [report.row(*measured) for measured in race]
    finally:
        report.progress("")
    data = report.document(" ".join([p.prog, *argv]), rows, session, started)
    lines = [report.COLUMNS, *report.cells(data["cases"], session.disturbed)]
    print(report.heading(data), report.as_text(lines, left=2), sep="\n\n", end="\n\n")
    for problem in session.problems:
        print(f"PROBLEM: {problem.splitlines()[0]}")
    if data["skipped"]:
        print(f"not measured, since time ran out: {', '.join(data['skipped'])}")
    print(f"{data['seconds']:.1f} s")
    if options.json:
        report.write_json(options.json, data)
    return 1 if session.problems else 0
