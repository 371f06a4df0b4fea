"""``python -m benchmarks``: measure everything, check the goals, write tables."""

import json
import sys

from benchmarks import markdown, measure, readme, table
from fastembed.bench import check_writable, parser, report
from fastembed.tasks.values import UserError, integer

PROG = "python -m benchmarks"


def _parser():
    p = parser(
        PROG,
        "Measure every part (" + ", ".join((*table.PARTS, "runtime", "book")) + ") "
        "and say which goals are met. Each part takes a few minutes, all of them half an hour; "
        "two minutes with --quick.",
        "fewer cells and rounds, within 2 minutes",
    )
    p.add_argument("--drawn", type=integer(0), metavar="N", help="draw N cells of each op")
    p.add_argument("--seed", type=integer(0), default=table.SEED, help="of the drawn sizes")
    p.add_argument(
        "--book", metavar="FOLDER", help="a clone of the book's code, whose scripts are run too"
    )
    p.add_argument("--compare", metavar="OLD.json", help="compare with the figures of OLD.json")
    p.add_argument(
        "--onto", metavar="FILE", help="measure parts alone, and take what else FILE has from there"
    )
    p.add_argument("--load", metavar="FILE", help="don't measure: take the figures of FILE")
    p.add_argument(
        "--readme", metavar="FILE", help="don't measure: write README's table and picture from FILE"
    )
    return p


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    if data.get("schema") != report.SCHEMA or "goals" not in data:
        raise UserError(f"{path} was not written by this version of the benchmark")
    return data


def main(argv=None):
    """Return 0; 1 when a contender disagreed or crashed; 2 for wrong arguments."""
    argv = sys.argv[1:] if argv is None else list(argv)
    options = _parser().parse_args(argv)
    try:
        return _run(options, f"{PROG} {' '.join(argv)}".strip())
    except UserError as error:
        print(f"{PROG}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\n{PROG}: interrupted", file=sys.stderr)
        return 130


def _run(options, command):
    if options.readme:
        print(*readme.write(_read(options.readme)), sep="\n")
        return 0
    old = options.compare and _read(options.compare)
    base = options.onto and _read(options.onto)
    check_writable(options.json)
    if options.load:
        data = _read(options.load)
    else:
        data = measure.run(options, report.progress, command)
        report.progress("")
    if base:
        data = measure.merged(base, data)
    text = markdown.whole(data)
    if old:
        text += "\n## Compared\n\n" + markdown.compare(old, data) + "\n"
    print(text, f"{data['seconds']:.0f} s", sep="\n")
    if options.json:
        report.write_json(options.json, data)
    return 1 if data["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
