"""Microbenchmarks: every contender in a process of its own, compared before it is timed.

``python -m fastembed bench`` is the short version; ``python -m benchmarks`` in the source tree is
the whole of it.
"""

import argparse
import sys
import time

QUICK_LIMIT = 23  # seconds after which --quick begins no further case


def parser(prog):
    """The command's options."""
    p = argparse.ArgumentParser(
        prog=prog,
        description="Time gather, scatter-add, LSTM, softmax cross-entropy and a training step "
        "against NumPy, and against PyTorch when it is installed. Each contender runs in a process "
        "of its own, and results are compared before anything is timed.",
    )
    p.add_argument("--quick", action="store_true", help="fewer sizes, within 30 s")
    p.add_argument("--only", metavar="NAME", help="only cases whose name contains NAME")
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
    from fastembed.bench import cases, peers, report, runner

    options = parser(prog).parse_args(argv)
    chosen = cases.select(cases.QUICK if options.quick else cases.MICRO, options.only)
    if not chosen:
        print(f"{prog}: no case has {options.only!r} in its name", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(case.name for case in chosen))
        return 0
    if options.json and not _can_write(options.json):
        print(f"{prog}: can't write {options.json}", file=sys.stderr)
        return 2
    started = time.perf_counter()
    contenders = [c for c in peers.contenders(options.threads) if c.name not in options.skip]
    for spec in options.contender:
        contenders.append(peers.Contender(spec.split(":")[-1], spec))
    ceiling = [peers.ceiling(options.threads)]
    budget, patience = (0.4, 1.0) if options.quick else (1.5, 2.0)
    measured, limits, skipped = [], [], []
    with runner.Session(contenders, patience=patience, say=report.progress) as session:
        try:
            # the ceilings at both ends, since other programs come and go
            for case in [*cases.CEILINGS, *chosen, *cases.CEILINGS]:
                report.progress(case.name)
                if case.op == "ceiling":
                    limits.append((case, session.measure(case, ceiling, budget=0.2)))
                elif options.quick and time.perf_counter() - started > QUICK_LIMIT:
                    skipped.append(case.name)
                else:
                    measured.append((case, session.measure(case, budget=budget)))
        except KeyboardInterrupt:
            report.progress_end()
            print(f"{prog}: interrupted", file=sys.stderr)
            return 130
    report.progress_end()
    limits = report.ceilings(limits)
    rows = [report.row(case, results, limits) for case, results in measured]
    session.versions.pop("ceiling", None)
    data = report.document(
        f"{prog} {' '.join(argv or [])}".strip(),
        rows,
        limits,
        session,
        time.perf_counter() - started,
    )
    data["skipped"] = skipped
    print(report.heading(data))
    print()
    print(report.text_table(rows, session.disturbed))
    print()
    for problem in session.problems:
        print(f"PROBLEM: {problem.splitlines()[0]}")
    if skipped:
        print(f"not measured, since time ran out: {', '.join(skipped)}")
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
