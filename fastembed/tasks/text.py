"""From text to ids and back: tokens, vocabulary, held-out part."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from fastembed.tasks.values import UserError, reason

UNK, EOS = "<unk>", "<eos>"
UNK_ID, EOS_ID = 0, 1  # in every vocabulary

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = rf"(?:(?![{_CJK}])\w)+"
# a word, a number, one ideograph or kana, or up to three of the same punctuation mark
_TOKEN = re.compile(
    rf"<(?:unk|eos)>|\d+(?:\.\d+)+|[{_CJK}]|{_WORD}(?:['’-]{_WORD})*|([^\w\s])\1{{0,2}}"
)
_RULER = re.compile(r"^[-=+*~^#|.\t ]{4,}$", re.MULTILINE)
_BLANK = re.compile(r"\n[^\S\n]*\n\s*")

_EMPHASIS = re.compile(r"(?<!\w)(\*\*?)(\w[^*\n]*\w|\w)\1(?!\w)")

LONGEST = 100  # a paragraph longer than this is held out in pieces
STRETCHES, EVERY = 50, 10  # of 50 stretches of the text, every tenth is held out


def read(paths):
    """Read UTF-8 text files, with a blank line between them; without any, the default text.

    Raises
    ------
    UserError
        If a file cannot be read, or is not UTF-8 text.
    """
    return "\n\n".join(_read_one(Path(path)) for path in paths) if paths else default_text()


def source(paths):
    """What `read` reads, in words."""
    return ", ".join(paths) or "the Python language reference (pydoc_data.topics)"


def _read_one(path):
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a text file")
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise UserError(f"cannot read {path}: {reason(error)}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x} at position {error.start}"
        raise UserError(f"{path} is not UTF-8 text ({byte})") from None
    if "\0" in text:
        raise UserError(f"{path} is not text (null character at position {text.index(chr(0))})")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def default_text():
    """The Python language reference that every CPython carries, without its marks of emphasis."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise UserError("this Python carries no pydoc_data.topics; name a text file") from None
    return _EMPHASIS.sub(r"\2", "\n\n".join(topics.values()))


def paragraphs(text):
    """Split text into paragraphs, each a list of tokens that ends with ``<eos>``.

    Paragraphs end at blank lines, or at every line where a text has no blank line. Lines that only
    underline (``*****``) are left out.
    """
    text = _RULER.sub("", text).strip()
    parts = _BLANK.split(text) if _BLANK.search(text) else text.split("\n")
    found = ([match.group() for match in _TOKEN.finditer(part)] for part in parts)
    return [tokens + [EOS] for tokens in found if tokens]


def split(paras):
    """Hold out every tenth stretch of the text, without what training sees word for word.

    Of a short text the end is held out.

    Returns
    -------
    train, held_out : list of str
        Tokens.
    """
    pieces = [para[k : k + LONGEST] for para in paras for k in range(0, len(para), LONGEST)]
    total = sum(map(len, pieces))
    train, held, position = [], [], 0
    for piece in pieces:
        is_held = position * STRETCHES // total % EVERY == EVERY - 1
        (held if is_held else train).append(piece)
        position += len(piece)
    if total < STRETCHES * LONGEST:  # a stretch would be less than a piece
        tokens = _flat(pieces)
        cut = total - total // EVERY
        return tokens[:cut], tokens[cut:]
    seen = set(map(tuple, train))
    # a text that repeats itself would make the held-out perplexity look too good
    fresh = [piece for piece in held if tuple(piece) not in seen]
    return _flat(train), _flat(fresh if sum(map(len, fresh)) > 1 else held)


def _flat(pieces):
    return [token for piece in pieces for token in piece]


def vocabulary(tokens, min_count):
    """``<unk>``, ``<eos>``, then every token that occurs min_count times, most frequent first."""
    counts = Counter(tokens)
    words = (w for w, n in counts.most_common() if n >= min_count and w not in (UNK, EOS))
    return [UNK, EOS, *words]


def encode(tokens, words):
    """Ids (int32) of tokens; one that is not among words becomes the id of ``<unk>``."""
    ids = {word: k for k, word in enumerate(words)}
    return np.array([ids.get(token, UNK_ID) for token in tokens], dtype=np.int32)


_NO_SPACE_BEFORE = set(".,;:!?)]}%…。、，．！？：；）」』】") | {"...", "。"}
_NO_SPACE_AFTER = set("([{「『（【$#@")


def join(tokens):
    """Text of tokens: spaces where English typesetting has them, ``<eos>`` ends a paragraph."""
    out, gap, quoted = [], "", False
    for token in tokens:
        if token == EOS:
            out.append("\n")
            gap, quoted = "", False
            continue
        opens = token == '"' and not quoted
        closes = token == '"' and quoted
        wide = re.match(f"[{_CJK}]", token)
        if token in _NO_SPACE_BEFORE or closes or (wide and gap == "wide"):
            gap = ""
        out.append((" " if gap else "") + token)
        quoted ^= token == '"'
        gap = "" if token in _NO_SPACE_AFTER or opens else "wide" if wide else " "
    return "".join(out).strip()
