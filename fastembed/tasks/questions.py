"""Questions and answers for the seq2seq tasks: additions, dates in many formats, a user's pairs."""

import datetime
from collections import Counter

import numpy as np

from fastembed.tasks.values import UserError
from fastembed.text import sources

IGNORED = -1  # a label that has no part in the loss


def additions(count, rng):
    """Distinct questions ``a+b`` with their answers, a and b of one to three digits."""
    made = {}
    while len(made) < count:
        a, b = (int(rng.integers(10 ** int(rng.integers(1, 4)))) for _ in range(2))
        made[f"{a}+{b}"] = str(a + b)
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
    """Distinct dates as people write them, with ``YYYY-MM-DD`` as answers; 1970 to 2029."""
    made = {}
    while len(made) < count:
        date = _FIRST + datetime.timedelta(int(rng.integers((_LAST - _FIRST).days + 1)))
        write = _FORMATS[rng.integers(len(_FORMATS))]
        question = write(date, _MONTHS[date.month - 1], _DAYS[date.weekday()])
        case = rng.integers(3)
        question = (question, question.lower(), question.upper())[case]
        made[question] = date.isoformat()
    return list(made), list(made.values())


def pairs(path, encoding=None):
    """Questions and answers of a file with a tab between them, one pair a line; more is left out.

    UserError for a file that cannot be read, and for a line without a tab.
    """
    asked, answered = [], []
    for number, line in enumerate(sources.lines(path, encoding), 1):
        if not line.strip():
            continue
        question, *rest = (part.strip() for part in line.split("\t"))
        if not (question and rest and rest[0]):
            raise UserError(f"{path}: line {number} is not QUESTION, a tab, ANSWER: {line!r:.60}")
        asked.append(question)
        answered.append(rest[0])
    return asked, answered


def padded(answers):
    """Answers (N, T), int32; what follows the end of one is no label."""
    out = np.full((len(answers), max(map(len, answers))), IGNORED, np.int32)
    for row, ids in zip(out, answers, strict=True):
        row[: len(ids)] = ids
    return out


def batches(questions, size, rng):
    """Places of the questions of each batch, in a drawn order; those of a batch are of a length."""
    order = rng.permutation(len(questions))
    lengths = np.array([len(questions[k]) for k in order])
    same = (order[lengths == length] for length in np.unique(lengths))
    parts = [part for one in same for part in np.array_split(one, -(-len(one) // size))]
    return [parts[k] for k in rng.permutation(len(parts))]


def count(questions, size):
    """How many batches there are."""
    return sum(-(-n // size) for n in Counter(map(len, questions)).values())
