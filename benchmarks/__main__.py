"""``python -m benchmarks``: measure everything, check the goals, write tables and plots."""

import argparse
import json
import sys

from benchmarks import markdown, measure, plots, readme
from fastembed.bench import add_choice, report, table

PROG = "python -m benchmarks"


def parser():
    p = argparse.ArgumentParser(
        prog=PROG,
        description="Measure every part (" + ", ".join((*table.PARTS, "runtime", "book")) + ") "
        "and say which goals are met. Each part takes a few minutes, all of them half an hour; "
        "two minutes with --quick.",
    )
    p.add_argument("--quick", action="store_true", help="fewer cells and rounds, within 2 minutes")
    add_choice(p)
    p.add_argument(
        "--book", metavar="FOLDER", help="a clone of the book's code, whose scripts are run too"
    )
    p.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    p.add_argument("--markdown", metavar="FILE", help="write the tables to FILE")
    p.add_argument("--plots", metavar="FOLDER", help="write the plots (PNG) into FOLDER")
    p.add_argument("--compare", metavar="OLD.json", help="compare with the figures of OLD.json")
    p.add_argument("--load", metavar="FILE", help="don't measure: take the figures of FILE")
    p.add_argument(
        "--readme", metavar="FILE", help="don't measure: write README's table and picture from FILE"
    )
    return p


def _read(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    if data.get("schema") != report.SCHEMA or not {"goals", "skipped"} <= data.keys():
        raise ValueError("not written by this version of the benchmark")
    return data


def main(argv=None):
    """Return 0; 1 when a contender disagreed or crashed; 2 for wrong arguments."""
    argv = sys.argv[1:] if argv is None else list(argv)
    options = parser().parse_args(argv)
    try:
        if options.readme:
            for path in readme.write(_read(options.readme)):
                print(path)
            return 0
        old = _read(options.compare) if options.compare else None
        data = _read(options.load) if options.load else None
        for path in (options.json, options.markdown):
            if path:
                open(path, "a").close()
    except (OSError, ValueError) as error:
        print(f"{PROG}: error: {error}", file=sys.stderr)
        return 2
    if data is None:
        try:
            data = measure.run(options, report.progress, f"{PROG} {' '.join(argv)}".strip())
        except KeyboardInterrupt:
            report.progress_end()
            print(f"{PROG}: interrupted", file=sys.stderr)
            return 130
        except measure.NothingToMeasure as error:
            print(f"{PROG}: error: {error}", file=sys.stderr)
            return 2
        report.progress_end()
    text = markdown.whole(data)
    if old is not None:
        text += "\n## Compared\n\n" + markdown.compare(old, data) + "\n"
    print(text)
    print(f"{data['seconds']:.0f} s")
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(text)
    if options.json:
        report.write_json(options.json, data)
    if options.plots:
        for path in plots.all_plots(data, options.plots):
            print(path)
    return 1 if data["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
