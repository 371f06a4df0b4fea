"""Which encoding bytes are in: told by a byte-order mark, or likely."""

import codecs
import contextlib

import numpy as np

_MARKS = (  # UTF-32 first: its mark begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SAMPLE = 1 << 16  # bytes that are looked at
# in UTF-16 they are frequent, and the same of the other byte order rare
_BLANKS = [0x20, 0x0A, 0x0D]
# what text that is not UTF-8 is in, by the names that Python gives them
_USUAL = (
    "cp949 cp932 euc_jp gb18030 big5 cp1252 cp1250 cp1251 koi8_r cp1253 cp1254 cp1255 cp1256 cp874"
).split()
_LATIN = ["cp1252", "cp1250", "cp1254"]  # most letters are the same: some texts are good in several
ALIKE = 0.1, 0.03  # differences of charset-normalizer's measures that tell these from nothing


def by_mark(data: bytes) -> str | None:
    """The encoding of data that begin with a byte-order mark, else None."""
    return next((name for mark, name in _MARKS if data.startswith(mark)), None)


def likely(data: bytes, place: int) -> list[str]:
    """The likely encodings of data that are not what they should be at a place."""
    units = np.frombuffer(data[: min(SAMPLE, len(data) // 2 * 2)], "<u2")
    for name, blanks in ("utf-16-le", _BLANKS), ("utf-16-be", [k << 8 for k in _BLANKS]):
        if np.isin(units, blanks).sum() > len(units) // 500:
            return [name]
    if b"\0" in data:
        return []
    with contextlib.suppress(UnicodeDecodeError):
        codecs.getincrementaldecoder("utf-8")().decode(data)
        return ["utf-8"]
    from charset_normalizer import from_bytes

    # a line end is no part of a longer character in any of them
    start = data.rfind(b"\n", 0, place) + 1
    sample = data[start : start + SAMPLE]
    end = sample.rfind(b"\n") + 1 if len(sample) == SAMPLE else len(sample)
    matches = from_bytes(sample[: end or len(sample)], cp_isolation=_USUAL)
    best = matches.best()
    same = [] if best is None else best.could_be_from_charset
    first = [name for name in _USUAL if name in same][:1]
    if best is None or first[0] not in _LATIN:
        return first
    chaos, coherence = best.chaos + ALIKE[0], best.coherence - ALIKE[1]
    alike = [one for one in matches if one.chaos <= chaos and one.coherence >= coherence]
    texts = [[name for name in _LATIN if name in one.could_be_from_charset] for one in alike]
    return [name for name in _LATIN if name in (names[0] for names in texts if names)]
