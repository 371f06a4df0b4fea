"""The document as Markdown."""

from benchmarks.goals import PEERS, best_peer, spread
from fastembed.bench import report
from fastembed.bench.report import seconds, times

RACERS = ("ours", *PEERS)
COLUMNS = (*report.COLUMNS[:-1], "rate", "of ceiling", report.COLUMNS[-1])
SUMMARY = ("drawn cells, best peer / ours",)
SUMMARY += ("cells", "≥ 0.95×", "worst", "geometric mean", "worst cell")


def summary(rows):
    """Lines that sum up the drawn cells of each op."""
    by_op = {}
    for entry in rows:
        ratio = best_peer(entry)[1]
        if entry["drawn"] and ratio:
            by_op.setdefault(entry["op"], []).append((ratio, entry["name"]))
    return [
        (op, str(len(found)), f"{share:.0%}", times(worst), times(mean), min(found)[1])
        for op, found in by_op.items()
        for share, worst, mean in [spread([ratio for ratio, _ in found])]
    ]


def table(header, lines, left=1):
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def whole(data):
    """All tables of the document."""
    parts = ["# Benchmark", f"`{data['command']}`, {data['date']}", heading(data)]
    if data["only"] is None:
        parts += ["## Goals", goals(data)]
    for title in dict.fromkeys(row["section"] for row in data["cases"]):
        rows = [row for row in data["cases"] if row["section"] == title]
        parts.append(f"## {title[0].upper()}{title[1:]}")
        if rows[0]["drawn"]:
            parts += [table(SUMMARY, summary(rows)), drawn(rows, data["disturbed"])]
        else:
            parts.append(table(COLUMNS, cells(rows, data["disturbed"]), left=2))
        details = layers(rows)
        if details:
            parts += ["### By layer", details]
    for key, title, tell in (
        ("scripts", "Unedited scripts of the book", scripts),
        ("times", "Runtime and start-up", times_of),
        ("memory", "Memory of TimeEmbedding backward, beyond its outputs", memory),
        ("interference", "Other threads on the same cores", interference),
        ("skipped", "Not measured: out of time", ", ".join),
        ("problems", "Problems", problems),
    ):
        if data.get(key):
            parts += [f"## {title}", tell(data[key])]
    return "\n\n".join(parts) + "\n"


def heading(data):
    """Where and with what it was measured, and how fast the machine itself is."""
    limits = {kind: speed / 1e9 for kind, speed in data["ceilings"].items()}
    return (
        f"{report.heading(data)}\nceilings: copy {limits['copied']:.1f} GB/s (read + write), "
        f"fill {limits['filled']:.1f} GB/s, sgemm {limits['flops']:.0f} GFLOP/s"
    )


def cells(rows, disturbed):
    """The lines of the terminal's table, with the rate of the work and the share of the ceiling."""
    measured = [(row["work"], figures) for row in rows for figures in row["contenders"].values()]
    for line, told in zip(report.cells(rows, disturbed), measured, strict=True):
        work, figures = told
        share = figures.get("share")
        yield (*line[:-1], _rate(work, figures), "" if share is None else f"{share:.0%}", line[-1])


def _rate(work, figures):
    amount, unit = work["flops"], "GFLOP/s"
    if not amount:
        amount, unit = work["copied"] + work["filled"], "GB/s"
    return f"{amount / figures['median'] / 1e9:.3g} {unit}" if amount else ""


def problems(found):
    return "\n".join(f"- {problem.splitlines()[0]}" for problem in found)


def goals(data):
    words = {True: "met", False: "**missed**", None: "not measured"}
    lines = [
        (goal["what"], goal["goal"], goal["figure"], words[goal["met"]]) for goal in data["goals"]
    ]
    return table(("what", "goal", "measured", ""), lines, left=4)


def drawn(rows, disturbed):
    """Drawn cells, those first where a peer is best."""
    lines = []
    for row in sorted(rows, key=lambda row: best_peer(row)[1] or 0):
        best, ratio = best_peer(row)
        who = row["contenders"]
        medians = [seconds(who[name]["median"]) if name in who else "" for name in RACERS]
        label = row["name"] + (" (!)" if row["name"] in disturbed else "")
        lines.append((label, *medians, best or "", times(ratio)))
    return table(("cell", *RACERS, "best peer", "best peer / ours"), lines)


def scripts(found):
    lines = [
        (name, seconds(row["python"]), seconds(row["run"]), times(row["python"] / row["run"]))
        for name, row in found.items()
    ]
    return table(("a step of", "python", "python -m fastembed run", "python / run"), lines)


def layers(rows):
    """Where the time of a training step goes, ours beside the reference."""
    lines = []
    for row in rows:
        told = {
            who: figures.get("detail") or {}
            for who, figures in row["contenders"].items()
            if who in ("ours", "reference")
        }
        names = list(dict.fromkeys(name for detail in told.values() for name in detail))
        label = row["name"]
        for name in names:
            ours, slow = (told.get(who, {}).get(name) for who in ("ours", "reference"))
            lines.append(
                (
                    label,
                    name,
                    "" if ours is None else seconds(ours),
                    "" if slow is None else seconds(slow),
                    times(slow / ours) if ours and slow else "",
                )
            )
            label = ""
    header = ("step", "part", "ours", "reference", "reference / ours")
    return table(header, lines, left=2) if lines else ""


def times_of(found):
    return table(("what", "time"), [(what, seconds(value)) for what, value in found.items()])


def memory(rows):
    lines = [
        (row["name"], f"{row['ours'] / 1e6:.3f} MB", f"{row['reference'] / 1e6:.3f} MB")
        for row in rows
    ]
    return table(("case", "ours", "reference"), lines)


def interference(found):
    lines = [
        (
            *name.split(" / "),
            seconds(figures["ours"]),
            seconds(figures["other"]),
            seconds(figures["mixed"]),
            times(figures["ratio"]),
        )
        for name, figures in found.items()
    ]
    header = ("ours", "beside", "ours alone", "other alone", "together", "together / sum of both")
    return table(header, lines, left=2)


def compare(old, new):
    """Ours then and now: cases of both runs; a change is marked where the quartiles are apart."""
    before = {(row["section"], row["name"]): row for row in old["cases"]}
    lines = []
    for row in new["cases"]:
        earlier = before.get((row["section"], row["name"]), {"contenders": {}})["contenders"]
        then = earlier.get("ours")
        now = row["contenders"].get("ours")
        if not then or not now:
            continue
        apart = now["low"] > then["high"] or now["high"] < then["low"]
        mark = "" if not apart else "slower" if now["median"] > then["median"] else "faster"
        relative = ""
        if then.get("times_ours") is not None:
            others = [
                f"{who} {times(row_then['times_ours'])} → {times(row_now['times_ours'])}"
                for who, row_then in earlier.items()
                for row_now in [row["contenders"].get(who)]
                if who != "ours" and row_now and row_then["times_ours"] and row_now["times_ours"]
            ]
            relative = ", ".join(others)
        ratio = f"{now['median'] / then['median']:.2f}"
        lines.append(
            (row["name"], seconds(then["median"]), seconds(now["median"]), ratio, mark, relative)
        )
    header = ("case", "before", "now", "now / before", "", "time / ours, before → now")
    return table(header, lines)
