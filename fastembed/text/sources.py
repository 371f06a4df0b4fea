"""Where text comes from: files, folders, patterns, standard input; plain, tables or gzip.

Text is read in pieces, never whole. Documents (files, rows of a table) have a blank line between
them, and line ends are ``\\n``.
"""

import codecs
import contextlib
import csv
import glob
import gzip
import io
import json
import os
import re
import stat
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from fastembed._errors import UserError, as_user_error
from fastembed.text.encodings import by_mark, likely

BLOCK = 1 << 18  # bytes read at once; characters of a piece, about
TABLES = (".csv", ".tsv", ".jsonl")
READ = (".txt", ".text", ".md", ".rst", *TABLES)  # of a folder, also with .gz
STDIN = "-"
REFERENCE = "the Python language reference (pydoc_data.topics)"

_DRAWN = re.compile(r"^[ \t]*(?:[-=+*~^#|. \t]{4,}|\|.*)\n", re.MULTILINE)  # rulers, tables
_EMPHASIS = re.compile(r"(?<!\w)(\*\*?)(\w[^*\n]*\w|\w)\1(?!\w)")


def find(
    arguments: Sequence[str | os.PathLike[str]] = (),
    *,
    column: str | None = None,
    encoding: str | None = None,
) -> "Texts":
    """The text of files, of a folder's files, of what matches a pattern, of stdin (``-``).

    Without arguments, of a pipe or file on standard input; without that, the Python language
    reference that every CPython carries.

    Parameters
    ----------
    arguments : sequence of str or path
    column : str, optional
        Of tables (``.csv``, ``.tsv``, ``.jsonl``): the column of the text. By default the one named
        ``text``, or the only one.
    encoding : str, optional
        By default what a byte-order mark tells, else UTF-8.

    Raises
    ------
    UserError
        If there is no such file or encoding. What cannot be read is found when it is read.
    """
    if encoding is not None:
        try:
            b"    ".decode(encoding)
            codecs.getincrementaldecoder(encoding)
        except UnicodeError:
            pass  # it is one, in which this is no text
        except (LookupError, ValueError):
            raise UserError(f"--encoding {encoding!r}: Python knows no such encoding") from None
    names = [os.fspath(argument) for argument in arguments]
    if not names and _piped():
        names = [STDIN]
    files = list(chain.from_iterable(map(_files, names)))
    if files.count(STDIN) > 1:
        raise UserError("standard input (-) can be read only once")
    return Texts(files, ", ".join(names) if len(names) < 5 else "", column, encoding)


def _piped() -> bool:
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # no stdin, or closed, or none of a process
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)  # a terminal or /dev/null is neither


def _files(name: str) -> list[str]:
    path = Path(name)
    with as_user_error(f"cannot read {name!r}", ValueError):  # a null character in it
        if name == STDIN or (name and path.exists()):
            is_folder = name != STDIN and path.is_dir()
        elif glob.has_magic(name):
            found = sorted(one for one in glob.glob(name, recursive=True) if os.path.isfile(one))
            if not found:
                raise UserError(f"no file matches {name}")
            return found
        else:
            raise UserError(f"cannot read {name or repr(name)}: No such file or directory")
        if not is_folder:
            return [name]
        inside = [one for one in path.rglob("*") if _ending(one) in READ and one.is_file()]
    parts = {str(one): one.relative_to(path).parts for one in inside}
    seen = [one for one, below in parts.items() if not any(p.startswith(".") for p in below)]
    if not seen:
        raise UserError(
            f"folder {name} holds no text: no {', '.join(READ)} (or .gz of these); "
            "name other files by a pattern, such as 'src/**/*.py'"
        )
    return sorted(seen)


def _ending(path: Path) -> str:
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


class Texts:
    """Text that is read in pieces when it is iterated over; ``find`` makes it.

    Attributes
    ----------
    name : str
        Where it comes from, in words.
    again : bool
        Whether it can be read more than once.
    """

    def __init__(
        self, files: list[str], name: str, column: str | None = None, encoding: str | None = None
    ) -> None:
        self.files, self.column, self.encoding = files, column, encoding
        self.name = name or (f"{len(files)} files" if files else REFERENCE)
        if self.files == [STDIN]:
            self.name = "standard input"
        self.again = all(name != STDIN and os.path.isfile(name) for name in files)  # no pipes

    def __iter__(self) -> Iterator[str]:
        return _blocks(_joined(self._documents()))

    def key(self) -> list[Any]:
        """What differs when the text may: paths, sizes and times of the files, options."""
        found = []
        for name in self.files:
            with as_user_error(f"cannot read {name}"):
                status = os.stat(name)
            found.append([os.path.abspath(name), status.st_size, status.st_mtime_ns])
        return [found or [REFERENCE, *sys.version_info[:3]], self.column, self.encoding]

    def _documents(self) -> Iterator[Iterable[str]]:
        """Each document as its pieces."""
        if not self.files:
            yield [default_text()]
        for name in self.files:
            called = "standard input" if name == STDIN else name
            # an error in a plain file passes through `_decode` alone, which closes the file
            with contextlib.closing(_decode(name, called, self.encoding)) as chunks:
                kind = _ending(Path(name))
                pieces: Iterable[str] = chunks
                if name == STDIN and self.column is not None:
                    first = next(chunks, "")
                    kind = ".jsonl" if first.lstrip().startswith("{") else ".csv"
                    pieces = chain([first], chunks)
                if kind == ".jsonl":
                    yield from ([text] for text in _json_lines(pieces, called, self.column))
                elif kind in TABLES:
                    tabs = kind == ".tsv"
                    yield from ([text] for text in _table(pieces, called, self.column, tabs))
                elif self.column is not None:
                    raise UserError(f"--column is of {', '.join(TABLES)}; {name} is none of them")
                else:
                    yield pieces


def default_text() -> str:
    """The Python language reference that every CPython carries, without what is drawn in it."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise UserError("this Python carries no pydoc_data.topics; name a text file") from None
    text = _EMPHASIS.sub(r"\2", _DRAWN.sub("", "\n\n".join(topics.values())))
    return re.sub(r"\n{3,}", "\n\n", text)


def _decode(name: str, called: str, encoding: str | None) -> Generator[str]:
    """The text of a file in pieces, with ``\\n`` at line ends."""
    with as_user_error(f"cannot read {called}", AttributeError, ValueError):
        file = open(sys.stdin.fileno(), "rb", closefd=False) if name == STDIN else open(name, "rb")
    with file:
        with as_user_error(f"cannot read {called}"):  # a folder
            zipped = file.peek(2)[:2] == b"\x1f\x8b"
        yield from _decoded(gzip.GzipFile(fileobj=file) if zipped else file, called, encoding)


def _decoded(file: Any, name: str, encoding: str | None) -> Iterator[str]:
    decoder: Any = None
    lines = io.IncrementalNewlineDecoder(None, translate=True)
    done = 0
    data = b"start"
    while data:
        with as_user_error(f"cannot read {name}", EOFError, zlib.error):
            data = file.read(BLOCK)
        first = decoder is None
        if first:
            encoding = encoding or by_mark(data) or "utf-8"
            decoder = codecs.getincrementaldecoder(encoding)()
        kept = decoder.getstate()[0]
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            byte = f"byte 0x{error.object[error.start]:02x}"
            where = f"{byte} at position {done - len(kept) + error.start}"
            raise UserError(_not_text(name, encoding, where, kept + data, error.start)) from None
        except UnicodeError as error:  # of UTF-16 without the mark that it must have
            raise UserError(_not_text(name, encoding, str(error), kept + data, 0)) from None
        if "\0" in text:
            place = text.index("\0")
            where = f"null character after {len(text[:place].encode(encoding))} bytes"
            if done:
                where = "null character"
            raise UserError(_not_text(name, "", where, kept + data, place))
        done += len(data)
        yield lines.decode(text.removeprefix("\ufeff") if first else text, final=not data)


def _not_text(name: str, encoding: str | None, where: str, data: bytes, place: int) -> str:
    encoding = encoding or ""
    called = f"{encoding.upper() if encoding.startswith('utf') else encoding} text".lstrip()
    found = likely(data, place)
    if not found:
        advice = "if it is text, name its encoding: --encoding NAME"
    else:
        options = " or ".join(f"--encoding {name}" for name in found)
        advice = f"it looks like {' or '.join(found)}: {options}"
    return f"{name} is not {called} ({where}); {advice}"


def _lines(chunks: Iterable[str]) -> Iterator[str]:
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest


def lines(name: str, encoding: str | None = None) -> Iterator[str]:
    """The lines of one file, or of standard input (``-``), without what ends them."""
    called = "standard input" if name == STDIN else name
    with contextlib.closing(_decode(name, called, encoding)) as chunks:
        for line in _lines(chunks):
            yield line.removesuffix("\n")


def _choose_column(names: list[str], column: str | None, name: str) -> str:
    wanted = column if column is not None else names[0] if len(names) == 1 else "text"
    if wanted not in names:
        which = "name its column of text" if column is None else f"it has no column {column!r}"
        raise UserError(f"{name}: {which}: --column {' or '.join(map(str, names)) or 'NAME'}")
    return wanted


def _table(chunks: Iterable[str], name: str, column: str | None, tabs: bool) -> Iterator[str]:
    lines = _lines(chunks)
    header = next(lines, "")
    delimiter = "\t" if tabs else max(",;\t", key=header.count)
    quoting: Any = csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
    limit = csv.field_size_limit(1 << 30)
    try:
        rows = csv.reader(chain([header], lines), delimiter=delimiter, quoting=quoting, strict=True)
        names = next(rows, [])
        place = names.index(_choose_column(names, column, name))
        for row in rows:
            if place < len(row):
                yield row[place]
            elif row:
                raise UserError(f"{name}, line {rows.line_num}: no column {names[place]!r}")
    except csv.Error as error:
        raise UserError(f"{name}, line {rows.line_num}: {error}") from None
    finally:
        csv.field_size_limit(limit)


def _json_lines(chunks: Iterable[str], name: str, column: str | None) -> Iterator[str]:
    for number, line in enumerate(_lines(chunks), 1):
        if line.isspace():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{name}, line {number}: not JSON ({error})") from None
        if type(row) is not dict:
            raise UserError(f"{name}, line {number}: not an object of JSON")
        texts = [key for key, value in row.items() if type(value) is str]
        key = _choose_column(
            texts if column is None else list(row), column, f"{name}, line {number}"
        )
        if row[key] is None:
            continue
        if type(row[key]) is not str:
            raise UserError(f"{name}, line {number}: {key!r} is not text but {row[key]!r:.40}")
        yield row[key].replace("\r\n", "\n").replace("\r", "\n")


def _joined(documents: Iterable[Iterable[str]]) -> Iterator[str]:
    """The pieces of documents, with a blank line between them."""
    last = ""
    for document in documents:
        begins = True
        for text in filter(None, document):
            if begins and last:
                yield "\n" * (2 - len(last) + len(last.rstrip("\n")))
            begins = False
            yield text
            last = (last + text)[-2:]


def _blocks(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in longer pieces that end where a paragraph does, or a line or word."""
    parts: list[str] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= BLOCK:
            text = "".join(parts)
            ends = ((text.rfind(mark, 1, -1), len(mark)) for mark in ("\n\n", "\n", " "))
            place = next((end + size for end, size in ends if end > 0), len(text))
            yield text[:place]
            parts, size = [text[place:]], len(text) - place
    if any(parts):
        yield "".join(parts)
