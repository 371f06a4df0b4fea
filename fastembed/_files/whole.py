"""Files read and written whole: who reads one sees the old bytes or the new, never a part."""

import contextlib
import errno
import math
import os
import re
import secrets
import stat
from collections.abc import Iterable
from typing import Any

try:
    import fcntl
except ImportError:  # Windows, where nobody can remove a file that is open
    fcntl = None


def read(path: Any) -> bytes:
    """The bytes of a regular file; OSError if it is a device, folder or pipe: it might not end."""
    with _named(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        with open(path, "rb") as file:
            return file.read()


def write(path: Any, parts: Iterable[Any]) -> None:
    """Replace a file's content by bytes as they come, whole or not at all, also if the power fails.

    Of a link, the file that it leads to is replaced; a device or a pipe is written as it is. After
    an OSError the old file is as it was.
    """
    with _named(path):
        try:
            old = os.stat(path).st_mode
        except FileNotFoundError:
            old = stat.S_IFREG | 0o666  # less the umask
        if stat.S_ISREG(old):
            _replace(os.path.realpath(path), parts, stat.S_IMODE(old))
        else:
            with open(path, "wb") as file:
                file.writelines(parts)


def lock(file: Any) -> bool:
    """Lock an open file as long as it is open; False if somebody has locked it."""
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass  # not every file system has locks
    return True


def size(shape, dtype):
    """Bytes of an array whose shape a file tells; -1 if it is none."""
    fits = len(shape) <= 64 and all(type(n) is int and 0 <= n < 1 << 63 for n in shape)
    return math.prod(shape) * dtype.itemsize if fits else -1


@contextlib.contextmanager
def _named(path):
    """Errors name the file that was asked for, not a temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _replace(target, parts, mode):
    folder, name = os.path.split(target)
    stem = f".{name[:40]}."
    _tidy_up(folder, stem)
    handle, temporary = _create(os.path.join(folder, stem), mode)
    try:
        with open(handle, "wb") as file:
            if os.path.exists(target):
                os.chmod(temporary, mode)  # the umask may have taken some away
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # an open file cannot be renamed
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    with contextlib.suppress(OSError), _opened(folder, os.O_RDONLY) as handle:
        os.fsync(handle)  # not every file system can do this


def _create(start, mode):
    """A new file, locked; returns its handle and path."""
    while True:
        path = f"{start}{secrets.token_hex(4)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        handle = os.open(path, flags, mode)
        if fcntl is not None:
            with contextlib.suppress(OSError):  # not every file system has locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.exists(path):
            return handle, path
        os.close(handle)  # before it was locked, somebody took it for abandoned


def _tidy_up(folder, stem):
    """Remove what killed processes left of this target: files that nobody has locked."""
    left = re.compile(re.escape(stem) + r"[0-9a-f]{8}\.tmp")
    with contextlib.suppress(OSError):
        for name in filter(left.fullmatch, os.listdir(folder)):
            with contextlib.suppress(OSError):
                _remove_unlocked(os.path.join(folder, name))


def _remove_unlocked(path):
    if fcntl is None:
        return os.unlink(path)
    with _opened(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)


@contextlib.contextmanager
def _opened(path, flags):
    handle = os.open(path, flags)
    try:
        yield handle
    finally:
        os.close(handle)
