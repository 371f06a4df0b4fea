"""What was accelerated, what was left alone and why, and what fell back, in words."""

import atexit
import os
import sys

from fastembed.dropin.session import session
from fastembed.dropin.watch import clock


def report(file=None):
    """Print what was accelerated, what was left alone and why, calls and time, and fallbacks.

    Parameters
    ----------
    file : file object, optional
        By default standard output.
    """
    print(text(), file=file)


def text():
    """The report as one string."""
    subjects = sorted(session.subjects.values(), key=lambda subject: subject.where)
    done = [subject for subject in subjects if subject.reason is None]
    alone = [subject for subject in subjects if subject.reason is not None]
    lines = [
        f"fastembed: {len(done)} accelerated, {len(alone)} left alone "
        f"(reading and probes took {session.seconds:.1f} s, comparing calls {clock.seconds:.1f} s)"
    ]
    used = [subject for subject in done if subject.stats.calls or subject.stats.small]
    if used:
        width = max(len(subject.where) for subject in used)
        lines.append(f"  {'accelerated':{width}}      calls     seconds")
        for subject in used:
            stats = subject.stats
            more = f"   {stats.compared} compared" if stats.compared else ""
            small = stats.small - subject.patch.rest.left
            more += f"   {small} small calls ran the original" if small else ""
            lines.append(f"  {subject.where:{width}} {stats.calls:10d} {stats.seconds:11.3f}{more}")
    unused = [subject.where for subject in done if subject not in used]
    if unused:
        lines.append("  accelerated, not called: " + ", ".join(unused))
    lines += [f"  left alone: {subject.where}: {subject.reason}" for subject in alone]
    for subject in done:
        for reason, calls in subject.stats.fallbacks.most_common():
            lines.append(f"  fell back: {subject.where}, {calls} calls: {reason}")
    return "\n".join(lines)


def complaints():
    """What ``--strict`` does not accept: everything known that ran, and not accelerated."""
    lines = []
    for subject in session.subjects.values():
        if subject.reason is not None and (subject.used or subject.stats.calls):
            lines.append(f"{subject.where} was left alone: {subject.reason}")
        for reason, calls in subject.stats.fallbacks.items():
            lines.append(f"{subject.where} fell back in {calls} calls: {reason}")
    return lines


def report_at_exit():
    """Print the report on standard error when this process ends (a forked worker prints none)."""
    if not _registered:
        _registered.append(atexit.register(_print_at_exit, os.getpid()))


def _print_at_exit(pid):
    if os.getpid() == pid:
        print(text(), file=sys.stderr)


_registered = []


def wanted():
    """Whether FASTEMBED_REPORT asks for a report."""
    return os.environ.get("FASTEMBED_REPORT", "0") not in ("", "0")
