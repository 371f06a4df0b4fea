"""Files read and written whole: who reads one sees the old bytes or the new, never a part."""

import contextlib
import errno
import os
import re
import secrets
import stat
from typing import Any

try:
    import fcntl
except ImportError:  # Windows, where nobody can remove a file that is open
    fcntl = None


def read(path: Any) -> bytes:
    """Return the bytes of a regular file.

    Raises
    ------
    OSError
        If it cannot be read, or is a device, a folder or a pipe (which might never end).
    """
    with _named(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        with open(path, "rb") as file:
            return file.read()


def write(path: Any, *parts: Any, follow: bool = True) -> None:
    """Replace a file's content by some bytes, whole or not at all, also if the power fails.

    Parameters
    ----------
    path : str or path
        If it is a link, the file that it leads to is replaced. A device or a pipe is written
        as it is.
    *parts : bytes-like
        Written one after another.
    follow : bool
        If False, a link itself is replaced, and a device or a pipe refused.

    Raises
    ------
    OSError
        If it cannot be written; the old file is as it was.
    """
    with _named(path):
        try:
            old = os.stat(path, follow_symlinks=follow).st_mode
        except FileNotFoundError:
            old = stat.S_IFREG | 0o666  # less the umask
        if stat.S_ISREG(old) or (stat.S_ISLNK(old) and not follow):
            target = os.path.realpath(path) if follow else os.path.abspath(path)
            _replace(target, parts, 0o666 if stat.S_ISLNK(old) else stat.S_IMODE(old))
        elif follow:
            with open(path, "wb") as file:
                file.writelines(parts)
        else:
            raise OSError(errno.EINVAL, "Not a regular file")


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
    if fcntl is not None:
        with contextlib.suppress(OSError):  # not every file system can do this
            _sync_folder(folder)


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
        os.unlink(path)
        return
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    finally:
        os.close(handle)


def _sync_folder(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
