"""Files of word vectors: which format one has, and what is in it."""

import json
import os
import re
import warnings
from pathlib import Path
from reprlib import repr  # a damaged line may be as long as the file
from typing import Any

import numpy as np

from fastembed import _check
from fastembed._files import tensors
from fastembed._files.npy import mapped
from fastembed.vectors._records import Reader
from fastembed.vectors._source import Source
from fastembed.vectors._words import WordVectors, index

FORMATS = ("word2vec", "word2vec-binary", "fasttext", "glove", "npy", "safetensors", "gensim")
MATRIX, WORDS = "word_vectors", "vocabulary"  # in safetensors files of ours
# in those of models, whose first parameter is that of their embedding
PARAM, TOKENIZER = "param0", "fastembed.tokenizer"
Found = tuple[list[str], Any]


def load(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    words: Any = None,
    tensor: str | None = None,
    limit: int | None = None,
    dtype: Any = "float32",
    encoding: str = "utf-8",
    errors: str = "strict",
    progress: bool | None = None,
) -> WordVectors:
    """Read word vectors.

    Parameters
    ----------
    path : str or path
        A file; text, and word2vec's binary format, also packed by gzip.
    format : str, optional
        One of `FORMATS`; otherwise the content tells. ``"gensim"`` (``KeyedVectors.load``) must be
        asked for: a pickle runs code of whoever wrote it.
    words : list of str or path, optional
        For an ``.npy`` file alone: its words, or a text file with one a line; by default the file
        of the same name that ends in ``.txt``.
    tensor : str, optional
        For a safetensors file alone: the matrix; by default ``word_vectors``, a model's first
        parameter, or the only one with a row for each word.
    limit : int, optional
        Read so many words at most, the first ones.
    dtype : float16, float32 or float64
        Of the result. Decimal numbers are rounded to the nearest float32 or float64.
    encoding, errors : str
        Of words in text and binary formats, as in ``bytes.decode``.
    progress : bool, optional
        Whether to show a bar.

    Returns
    -------
    WordVectors
        Of a word that comes again the first vector is kept, with a warning.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged, cut off, unlike what its header says, or in no known format: the message
        names the file, and the line or byte. Memory is taken in proportion to what is in the file,
        not to what its header says.
    """
    path = os.fspath(path)
    dtype = np.dtype(dtype)
    if dtype not in (np.float16, np.float32, np.float64):
        raise TypeError(f"dtype must be float16, float32 or float64, got {dtype}")
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if limit is not None and _check.integer("limit", limit) < 1:
        raise ValueError(f"limit must be >= 1, got {limit}")
    with Source(path, bool(progress)) as source:
        try:
            kind = format or detect(source.head())
            for name, value, only in (("words", words, "npy"), ("tensor", tensor, "safetensors")):
                if value is not None and kind != only:
                    raise ValueError(f"{name} is for {only} files, this one is {kind}")
            if kind == "npy":
                found = _npy(path, words)
            elif kind == "safetensors":
                found = _safetensors(path, tensor)
            elif kind == "gensim":
                found = _gensim(path)
            elif kind == "word2vec-binary":
                found = _binary(source, limit, dtype, encoding, errors)
            else:
                found = _text(source, kind != "glove", limit, dtype, encoding, errors)
            return _distinct(path, *_fit(*found, limit, dtype))
        except ValueError as error:
            raise ValueError(f"{path}: {' '.join(str(error).split())}") from error


def detect(head: bytes) -> str:
    """The format that the beginning of a file shows."""
    if not head:
        raise ValueError("it is empty")
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 48:
        return "safetensors"
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        raise ValueError("it is a pickle; format='gensim' loads it, if you trust who wrote it")
    if head.startswith(b"\xba\x16\x4f\x2f"):
        raise ValueError("it is a model of fastText, whose vectors are in the .vec file beside it")
    first, _, rest = head.partition(b"\n")
    if not _is_header(first):
        return "glove"
    fields = rest.partition(b"\n")[0].split()[1:]
    if rest and not (fields and all(re.fullmatch(rb"[-+.0-9a-zA-Z]+", x) for x in fields)):
        return "word2vec-binary"
    return "word2vec"


def _is_header(line: bytes) -> bool:
    return re.fullmatch(rb"\s*\d{1,18}\s+\d{1,18}\s*", line) is not None


def _header(source: Source) -> tuple[int, int]:
    """How many words, and numbers for each, the first line promises."""
    line = source.first_line()
    if not _is_header(line) or int(line.split()[1]) == 0:
        raise ValueError(
            f"line 1 must say how many words and numbers there are, it is {repr(line)}"
        )
    source.used = len(line)
    count, D = map(int, line.split())
    return count, D


class _Rows:
    """An array that grows as rows come; where the file's size is known, once."""

    def __init__(self, D: int, dtype: Any, most: int) -> None:
        self.most, self.used = most, 0
        self.array = np.empty((0, D), dtype)

    def place(self, count: int, share: float) -> Any:
        """So many more rows, to be filled; with them, this share of the file has been read."""
        end = self.used + count
        if end > len(self.array):
            expected = int(end / share * 1.01) + 16 if share else end + end // 2
            size = min(self.most, max(end, expected))
            larger = np.empty((size, self.array.shape[1]), self.array.dtype)
            larger[: self.used] = self.array[: self.used]
            self.array = larger
        return self.array[self.used : end]

    def take(self) -> Any:
        """The rows that were filled, alone."""
        rows, self.array = self.array, np.empty((0, 0))
        if self.used < len(rows):
            rows.resize((self.used, rows.shape[1]), refcheck=False)  # without a copy
        return rows


def _text(
    source: Source, header: bool, limit: int | None, dtype: Any, encoding: str, errors: str
) -> Found:
    """Lines: a word and its numbers."""
    if header:
        count, D = _header(source)
    else:
        count, D = 1 << 62, _numbers_of(source.first_line())
    most = min(count, limit or count)
    words: list[str] = []
    rows, reader = _Rows(D, np.promote_types(dtype, "f4"), most), Reader(D)
    left = False
    while len(words) < most and source.more_lines():
        lines = reader.count(source.text, source.length)
        there = int(lines.sum())
        # the first bad line is among these: a good one has more than 2 D bytes
        n = min(there, most - len(words), source.length // (2 * D) + 1)
        good = 0
        if 2 * D < source.length:
            out = rows.place(n, source.share())
            good = reader.lines(source.text, source.length, lines, out)
        line = len(words) + 1 + header
        _add_words(reader, good, words, encoding, errors, f"line {line}")
        if good < n:
            raise ValueError(_complaint(source, good, D, line + good))
        rows.used += good
        left = there > n
    if len(words) < most and header:
        raise ValueError(f"line 1 promises {count} words, the file ends after {len(words)}")
    if header and len(words) == count and (left or source.more_lines()):
        raise ValueError(f"line 1 promises {count} words, but there is a line {count + 2}")
    return words, rows.take()


def _numbers_of(line: bytes) -> int:
    """How many numbers there are at the end of a line."""
    D, fields = 0, line.split()[1:]
    while D < len(fields) and _is_number(fields[-1 - D]):
        D += 1
    if not D:
        raise ValueError(f"line 1 is no word with numbers behind it: {repr(line)}")
    return D


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field


def _complaint(source: Source, row: int, D: int, line: int) -> str:
    """What is wrong with a row of a part of the file."""
    begin = 0
    for _ in range(row):
        begin = source.text.index(b"\n", begin) + 1
    end = source.text.index(b"\n", begin)
    where = f"line {line}, byte {source.at + begin}:"
    text = bytes(source.text[begin:end])
    fields = re.split(rb"[ \t]+", text.rstrip(b" \t\r"))
    if not fields[0]:
        return f"{where} it does not begin with a word"
    strange = [field for field in fields[1:] if not _is_number(field)]
    if len(fields) == D + 1 and strange:
        return f"{where} {repr(strange[0].decode('utf-8', 'replace'))} is no number"
    return f"{where} {len(fields) - 1} numbers instead of {D}"


def _binary(source: Source, limit: int | None, dtype: Any, encoding: str, errors: str) -> Found:
    """Records: a word, a space, floats, and perhaps a newline."""
    count, D = _header(source)
    most = min(count, limit or count)
    words: list[str] = []
    rows, reader = _Rows(D, np.dtype("f4"), most), Reader(D)
    bad = good = 0
    while len(words) < most and not bad and source.more():
        n = min(source.length // (4 * D + 2), most - len(words))
        good = 0
        if n:
            out = rows.place(n, source.share())
            good, source.used, bad = reader.records(source.text, source.length, out)
        _add_words(reader, good, words, encoding, errors, f"word {len(words) + 1}")
        rows.used += good
        if source.ended and not good:
            break
    where = f"word {len(words) + 1}, byte {source.at + source.used}:"
    if len(words) < most:
        what = "no word with a space behind it" if bad else "the file ends"
        raise ValueError(f"{where} {what}; its header promises {count} words of {D} numbers")
    if len(words) == count:
        if not source.text[source.used : source.end].strip(b"\n"):
            source.used = source.end
        if source.more():
            raise ValueError(f"{where} the file goes on; its header promises {count} words")
    found = rows.take()
    return words, found if np.little_endian else found.byteswap()


def _add_words(
    reader: Reader, count: int, words: list[str], encoding: str, errors: str, first: str
) -> None:
    """Add the words of rows that were read."""
    before = len(words)
    try:
        reader.words(count, words, encoding, errors)
    except UnicodeDecodeError as error:
        kind, _, number = first.partition(" ")
        at = int(number) + len(words) - before
        raise ValueError(f"{kind} {at}: its word is not {encoding}: {error}") from error


# ---- matrices with their words beside them


def _npy(path: str, words: Any) -> Found:
    vectors = mapped(path)
    if vectors.ndim != 2 or vectors.dtype.kind != "f":
        raise ValueError(
            f"it has shape {vectors.shape} and dtype {vectors.dtype}, no rows of floats"
        )
    if words is None:
        words = Path(path).with_suffix(".txt")
    if isinstance(words, str | os.PathLike):
        words = Path(words).read_text("utf-8").removesuffix("\n").split("\n")
    words = list(words)
    if len(words) != len(vectors):
        raise ValueError(f"it has {len(vectors)} rows for {len(words)} words")
    return words, vectors


def _safetensors(path: str, tensor: str | None) -> Found:
    found, metadata = tensors.read(path)
    marks: list[str] = []  # tokens that are no words
    try:
        if TOKENIZER in metadata:
            from fastembed.text import from_json
            from fastembed.text.tokenizer import EOS, UNK

            marks = [EOS, UNK]
            tokens = from_json(metadata[TOKENIZER]).tokens
            words = [token.removeprefix(" ") or token for token in tokens]
        else:
            words = json.loads(metadata[WORDS])
    except (KeyError, RecursionError, ValueError) as error:
        raise ValueError(f"it has no words under '{WORDS}' ({error!r:.80})") from error
    if type(words) is not list or not all(type(word) is str for word in words):
        raise ValueError(f"its '{WORDS}' is no list of words")
    fit = [name for name, x in found.items() if x.ndim == 2 and len(x) == len(words)]
    if tensor is None:
        usual = [name for name in (MATRIX, PARAM, *fit[:1]) if name in fit]
        tensor = usual[0] if len(fit) == 1 or {MATRIX, PARAM} & {*fit} else MATRIX
    if tensor not in fit:
        shapes = ", ".join(f"{repr(name)} {x.shape}" for name, x in list(found.items())[:10])
        raise ValueError(f"it has no {tensor!r} with {len(words)} rows, but {shapes}")
    rows = found[tensor]
    if marks:
        keep = [k for k, word in enumerate(words) if word not in marks]
        words, rows = [words[k] for k in keep], rows[keep]
    return words, rows


def _gensim(path: str) -> Found:
    from gensim.models import KeyedVectors

    vectors = KeyedVectors.load(path)
    return list(vectors.index_to_key), vectors.vectors


def _fit(words: list[str], vectors: Any, limit: int | None, dtype: Any) -> Found:
    """The first ones, as an array of our own."""
    if limit is not None:
        words, vectors = words[:limit], vectors[:limit]
    own = type(vectors) is np.ndarray and vectors.flags.owndata and vectors.flags.c_contiguous
    return words, vectors if own and vectors.dtype == dtype else np.array(vectors, dtype, order="C")


def _distinct(path: str, words: list[str], vectors: Any) -> WordVectors:
    """Without the rows of words that came before."""
    rows = index(words)
    if len(rows) < len(words):
        rows = index(words[::-1])
        keep = sorted(len(words) - 1 - k for k in rows.values())
        again = next(word for k, word in enumerate(words) if rows[word] != len(words) - 1 - k)
        what = f"{len(words) - len(keep)} words come again, such as {repr(again)}: left out"
        warnings.warn(f"{path}: {what}", stacklevel=3)
        words, vectors = [words[k] for k in keep], vectors[keep]
        rows = index(words)
    return WordVectors.of_distinct(words, rows, vectors)
