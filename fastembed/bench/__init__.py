"""Microbenchmarks: every contender in a process of its own, compared before it is timed.

``python -m fastembed bench`` is the short version; ``python -m benchmarks`` in the source tree is
the whole of it.
"""

import argparse
import math
import sys
import time

QUICK_LIMIT = 25  # seconds after which --quick begins no further case


def parser(prog):
    """The command's options."""
    p = argparse.ArgumentParser(
        prog=prog,
        description="Time kernels, layers and training steps against NumPy, and against PyTorch "
        "when it is installed. Each contender runs in a process of its own, and results are "
        "compared before anything is timed.",
    )
    p.add_argument("--quick", action="store_true", help="fewer cases, within 30 s")
    add_choice(p)
    p.add_argument("--threads", type=_positive, metavar="N", help="threads of ours and PyTorch's")
    p.add_argument("--json", metavar="FILE", help="write all figures to FILE")
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
    return p


def add_choice(p):
    """The options that say what is measured."""
    p.add_argument(
        "--only",
        metavar="NAMES",
        help="only these parts (gather,scatter,recurrent,layers,steps …), or cases whose name "
        "contains one of NAMES",
    )
    p.add_argument("--drawn", type=_count, metavar="N", help="draw N cells of each op")
    p.add_argument("--seed", type=_count, default=1, help="of the drawn sizes (default: 1)")


def _count(text):
    n = int(text)
    if n < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {n}")
    return n


def _positive(text):
    n = int(text)
    if n < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {n}")
    return n


def main(argv=None, prog="python -m fastembed bench"):
    """Run the benchmark; return 0, or 1 when a contender disagreed or crashed.

    Parameters
    ----------
    argv : list of str, optional
        The arguments after the command's name.
    prog : str
        The command's name, for its help.
    """
    from fastembed.bench import peers, report, runner, table

    options = parser(prog).parse_args(argv)
    fewer = 30 if options.quick else 6
    sections = table.sections(options.quick, options.only, options.drawn, options.seed, fewer)
    if not sections:
        print(f"{prog}: no part or case has {options.only!r} in its name", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(case.name for section in sections for case in section.cases))
        return 0
    if options.json and not _can_write(options.json):
        print(f"{prog}: can't write {options.json}", file=sys.stderr)
        return 2
    started = time.perf_counter()
    contenders = [c for c in peers.contenders(options.threads) if c.name not in options.skip]
    for spec in options.contender:
        contenders.append(peers.Contender(spec.split(":")[-1], spec))
    end = started + QUICK_LIMIT if options.quick else math.inf
    try:
        with runner.Session(contenders, patience=1.5, say=report.progress) as session:
            ran = runner.race(session, sections, lambda _: contenders, options.threads, end)
    except KeyboardInterrupt:
        report.progress_end()
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130
    report.progress_end()
    data = report.document(f"{prog} {' '.join(argv or [])}".strip(), ran, session)
    data["seconds"] = time.perf_counter() - started
    print(report.heading(data))
    print()
    print(report.text_table(data["cases"], session.disturbed))
    print()
    drawn = report.drawn(data["cases"])
    if drawn:
        print(report.as_text([report.DRAWN, *drawn], left=1))
        print()
    for problem in session.problems:
        print(f"PROBLEM: {problem.splitlines()[0]}")
    if data["skipped"]:
        print(f"not measured, since time ran out: {', '.join(data['skipped'])}")
    print(f"{data['seconds']:.1f} s")
    if options.json:
        report.write_json(options.json, data)
    return 1 if session.problems else 0


def _can_write(path):
    try:
        with open(path, "a"):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
