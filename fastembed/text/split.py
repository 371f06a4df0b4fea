"""Where a text is cut: what ends its paragraphs, what is held out."""

from collections.abc import Iterable, Iterator

LONG = 10_000  # characters; where blank lines are rarer, every line is a paragraph
SHORT = 25_000  # of a shorter text, the end is held out
STRETCHES, EVERY = 50, 10  # of 50 stretches of the text, every tenth is held out
MOST_HELD_OUT = 2_000_000  # characters: enough to measure by


def paragraph_end(texts: Iterable[str]) -> str:
    """What ends a paragraph: a blank line, or every line where there are hardly any."""
    length = blanks = 0
    for text in texts:
        length += len(text)
        blanks += text.count("\n\n")
    return "\n\n" if blanks * LONG >= length else "\n"


def divide(texts: Iterable[str], total: int, eos: str) -> Iterator[tuple[bool, str]]:
    """Cut a text of so many characters, which comes in pieces, into what is held out and what not.

    Every tenth stretch is held out, of a short text the end; cuts are where a paragraph ends, or a
    line or word where no paragraph ends nearby.
    """
    reach = total // STRETCHES
    cuts = [total - total // EVERY]
    if total >= SHORT:
        length = min(reach, MOST_HELD_OUT * EVERY // STRETCHES)
        starts = [total * k // STRETCHES for k in range(EVERY - 1, STRETCHES, EVERY)]
        cuts = [place for start in starts for place in (start, start + length)]
        cuts = [place for place in cuts if place < total - STRETCHES]  # the last may be the end
    held, done = False, 0
    for text in texts:
        begin, done = done, done + len(text)
        while cuts and cuts[0] < done:
            place = _end(text, max(0, cuts.pop(0) - begin), reach, eos)
            if place:
                yield held, text[:place]
            held, text, begin = not held, text[place:], begin + place
        if text:
            yield held, text


def _end(text: str, start: int, reach: int, eos: str) -> int:
    """Where a paragraph ends within reach of a position, else a line, else a word."""
    for mark in (eos, "\n", " "):
        found = text.find(mark, max(0, start - len(mark)), start + reach)
        if found >= 0:
            return found + len(mark)
    return min(start, len(text))
