"""``python -m benchmarks.claims``: measure the claims, or write their figures into the docs."""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks import claims
from benchmarks.claims import pages
from fastembed._version import __version__
from fastembed.cli.machine import cpu_name, cpus
from fastembed.threads import get_num_threads

PROG = "python -m benchmarks.claims"


def _parser():
    p = argparse.ArgumentParser(
        prog=PROG,
        description="Measure what embeddings are said to be good for. Writes claims.json, "
        "claims.md and a picture of each part; parts named are measured anew, others kept.",
    )
    names = ", ".join(claims.PARTS)
    p.add_argument("parts", nargs="*", metavar="PART", help=f"some of {names} (default: all)")
    p.add_argument("--quick", action="store_true", help="small sizes, within 3 minutes")
    p.add_argument("--out", default="claims", metavar="FOLDER", help="default: %(default)s")
    p.add_argument(
        "--docs",
        metavar="FILE",
        help="don't measure: write the numbers and pictures in docs/ from a claims.json",
    )
    return p


def main(argv=None):
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = _parser()
    options = parser.parse_args(argv)
    if options.docs:
        print(*pages.write(json.loads(Path(options.docs).read_text("utf-8"))), sep="\n")
        return 0
    unknown = set(options.parts) - set(claims.PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    data = measure(options.parts or claims.PARTS, options.quick, _kept(folder, options.quick))
    (folder / "claims.json").write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    (folder / "claims.md").write_text(markdown(data), "utf-8")
    pages.draw(data, folder)
    print(markdown(data))
    print(f"written to {folder}", file=sys.stderr)
    return 0


def _kept(folder, quick):
    """Parts that were measured before, in the same mode."""
    try:
        old = json.loads((folder / "claims.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return old["parts"] if old["quick"] == quick else {}


def measure(parts, quick, kept=()):
    """Figures of the parts, beside those that are kept."""
    found = dict(kept)
    for name in parts:
        start = time.perf_counter()
        print(f"{name} …", end=" ", flush=True, file=sys.stderr)
        found[name] = claims.part(name).run(quick)
        found[name]["seconds"] = round(time.perf_counter() - start, 1)
        print(f"{found[name]['seconds']} s", file=sys.stderr)
    return {
        "quick": quick,
        "command": PROG + (" --quick" if quick else ""),
        "machine": f"{cpu_name()}, {cpus()} CPUs",
        "versions": f"fastembed {__version__}, {get_num_threads()} threads; "
        f"Python {sys.version.split()[0]}; NumPy {np.__version__}",
        "parts": {name: found[name] for name in claims.PARTS if name in found},
    }


def markdown(data):
    """All tables."""
    quotes = pages.quotes(data)
    parts = [f"# Claims, measured\n\n{quotes['run.how']}"]
    parts += [f"## {claims.part(n).TITLE}\n{quotes[f'{n}.table']}" for n in data["parts"]]
    if "sharing.table" in quotes:
        parts.append(f"## The five points on sharing\n{quotes['sharing.table']}")
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
