"""The document as Markdown."""

from fastembed.bench import report
from fastembed.bench.report import seconds, times


def table(header, lines, left=1):
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def whole(data):
    """All tables of the document."""
    parts = ["# Benchmark", f"`{data['command']}`, {data['date']}", report.heading(data)]
    if data.get("goals") and data.get("only") is None:
        parts += ["## Goals", goals(data)]
    for title, rows in data["sections"].items():
        rows = [data["cases"][k] for k in rows]
        if rows:
            parts += [
                f"## {title[0].upper()}{title[1:]}",
                report.markdown_table(rows, data["disturbed"]),
            ]
            details = layers(rows)
            if details:
                parts += ["### By layer", details]
    if data.get("startup"):
        parts += ["## Start-up", startup(data["startup"])]
    if data.get("memory"):
        parts += ["## Memory of TimeEmbedding backward, beyond its outputs", memory(data["memory"])]
    if data.get("interference"):
        parts += ["## Other threads on the same cores", interference(data["interference"])]
    if data["skipped"]:
        parts += ["## Not measured: out of time", ", ".join(data["skipped"])]
    if data["problems"]:
        lines = [f"- {problem.splitlines()[0]}" for problem in data["problems"]]
        parts += ["## Problems", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def goals(data):
    words = {True: "met", False: "**missed**", None: "not measured"}
    lines = [
        (goal["what"], goal["goal"], goal["figure"], words[goal["met"]]) for goal in data["goals"]
    ]
    return table(("what", "goal", "measured", ""), lines, left=4)


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


def startup(found):
    lines = [
        ("import numpy", seconds(found["import_numpy"])),
        ("import fastembed after it", seconds(found["import_fastembed"])),
    ]
    lines += [
        (f"first call of {op}, beyond the second", seconds(value))
        for op, value in found["first_call"].items()
    ]
    if "first_call_floor" in found:
        floor = seconds(found["first_call_floor"])
        lines.append(("first call of a Numba function that does nothing", floor))
    lines += [
        (f"`fastembed warmup`, cache {'empty' if state == 'cold' else 'full'}", seconds(value))
        for state, value in (found.get("compile") or {}).items()
    ]
    return table(("what", "time"), lines)


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
