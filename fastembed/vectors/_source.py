"""A file in parts that fit in the cache, unpacked where gzip has packed it."""

import codecs
import errno
import gzip
import os
import stat
import zlib
from types import TracebackType
from typing import Any

SIZE = 1 << 22  # bytes of a part: what one pass leaves in the cache, the next finds there
PADDING = 8  # bytes that may be read behind it


class Source:
    """A part of a file, ``text[:length]``, that begins at byte ``at``; a context manager.

    What the reader of a part has set ``used`` to is left out of the next one.
    """

    def __init__(self, path: str, progress: bool = False) -> None:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        self.at = self.length = self.used = self.end = 0
        self.ended = self._looked = False
        self._raw = open(path, "rb", buffering=0)
        self._size = os.fstat(self._raw.fileno()).st_size
        self._packed = self._raw.read(2) == b"\x1f\x8b"
        self._raw.seek(0)
        self._file: Any = gzip.GzipFile(fileobj=self._raw) if self._packed else self._raw
        room = 64 * self._size if self._packed else self._size
        self.text = bytearray(min(SIZE, room + 1) + PADDING)
        self._bar: Any = None
        if progress:
            from tqdm import tqdm

            self._bar = tqdm(total=self._size, unit="B", unit_scale=True)

    def __enter__(self) -> "Source":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()
        if self._bar is not None:
            self._bar.close()

    def more(self) -> bool:
        """Go on to the next part; return whether there is one.

        A part of which nothing was used comes again, twice as long.
        """
        if self._looked and not self.used:
            self._looked = False
            return self.length > 0
        self._looked = False
        room = len(self.text) - PADDING
        if not self.used and self.end == room and not self.ended:
            self.text.extend(bytes(room))
            room *= 2
        rest = self.end - self.used
        self.text[:rest] = self.text[self.used : self.end]
        self.at += self.used
        self.end, self.used = rest, 0
        with memoryview(self.text) as view:
            while self.end < room and not self.ended:
                count = self._read(view[self.end : room])
                self.end += count
                self.ended = count == 0
        if not self.at and self.text[:3] == codecs.BOM_UTF8:
            self.at, self.end = 3, self.end - 3
            self.text[: self.end] = self.text[3 : self.end + 3]
        self.length = self.end
        if self._bar is not None:
            self._bar.update(self._raw.tell() - self._bar.n)
        return self.length > 0

    def more_lines(self) -> bool:
        """Go on to the next part that ends with a newline; return whether there is one."""
        while self.more():
            if self.ended:  # blanks at the end are nobody's, and the last newline may be missing
                self.end = len(self.text[: self.end].rstrip(b" \t\r\n"))
                if self.end:
                    self.text[self.end] = ord("\n")
                    self.end += 1
                self.length = self.used = self.end
                return self.end > 0
            self.length = self.used = self.text.rfind(b"\n", 0, self.end) + 1
            if self.length:
                return True
        return False

    def head(self) -> bytes:
        """The beginning of the file, before anything was used; the next part begins with it."""
        if not self.end:
            self.more()
        self._looked = True
        return bytes(self.text[: min(self.end, 1 << 16)])

    def first_line(self) -> bytes:
        """The first line whole, with its newline; the next part begins with it."""
        self.head()
        while self.text.find(b"\n", 0, self.end) < 0 and not self.ended:
            self._looked = False
            self.more()
        self._looked = True
        return bytes(self.text[: self.text.find(b"\n", 0, self.end) + 1 or self.end])

    def share(self) -> float:
        """Which part of the file has been read; 0 if nobody knows."""
        return 0.0 if self._packed else (self.at + self.length) / max(self._size, 1)

    def _read(self, view: memoryview) -> int:
        try:
            return int(self._file.readinto(view))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            at = self.at + self.end
            raise ValueError(f"its gzip data are damaged after byte {at}: {error}") from error
