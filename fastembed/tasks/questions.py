"""Questions and answers for the seq2seq tasks, made here: additions, and dates in many formats."""

import datetime

import numpy as np

START = "_"  # every answer begins with it


def additions(count, rng):
    """Distinct questions ``a+b`` with their answers, a and b of one to three digits."""
    made = {}
    while len(made) < count:
        a, b = (int(rng.integers(10 ** int(rng.integers(1, 4)))) for _ in range(2))
        made[f"{a}+{b}"] = f"{START}{a + b}"
    return list(made), list(made.values())


_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_FIRST, _LAST = datetime.date(1970, 1, 1), datetime.date(2029, 12, 31)


def _ordinal(day):
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


_FORMATS = [
    lambda d, month, weekday: f"{month} {d.day}, {d.year}",
    lambda d, month, weekday: f"{month[:3]} {d.day}, {d.year}",
    lambda d, month, weekday: f"{weekday}, {month} {d.day}, {d.year}",
    lambda d, month, weekday: f"{d.day} {month} {d.year}",
    lambda d, month, weekday: f"{_ordinal(d.day)} of {month} {d.year}",
    lambda d, month, weekday: f"{weekday[:3]} {d.day} {month[:3]} {d.year}",
    lambda d, month, weekday: f"{d.month}/{d.day}/{d.year % 100:02}",
    lambda d, month, weekday: f"{d.month}/{d.day}/{d.year}",
    lambda d, month, weekday: f"{d.day}.{d.month}.{d.year}",
    lambda d, month, weekday: f"{d.year}/{d.month:02}/{d.day:02}",
]


def dates(count, rng):
    """Distinct dates as people write them, with ``_YYYY-MM-DD`` as answers; 1970 to 2029."""
    made = {}
    while len(made) < count:
        date = _FIRST + datetime.timedelta(int(rng.integers((_LAST - _FIRST).days + 1)))
        write = _FORMATS[rng.integers(len(_FORMATS))]
        question = write(date, _MONTHS[date.month - 1], _DAYS[date.weekday()])
        case = rng.integers(3)
        question = (question, question.lower(), question.upper())[case]
        made[question] = f"{START}{date.isoformat()}"
    return list(made), list(made.values())


def encode(texts, chars):
    """Ids (int32) of texts, padded with spaces to the longest: (N, T)."""
    ids = {char: k for k, char in enumerate(chars)}
    width = max(map(len, texts))
    rows = [[ids[char] for char in text.ljust(width)] for text in texts]
    return np.array(rows, dtype=np.int32)


def decode(row, chars):
    """Text of ids, without padding and the start mark."""
    return "".join(chars[k] for k in row).strip().removeprefix(START)
