"""Large scratch memory that is used again: fresh pages cost more than what is done in them.

No lock: a finaliser may give memory back at any moment, also while its own thread is taking some.
Single operations on lists and dicts are atomic.
"""

import numpy as np

SMALL = 1 << 16  # bytes; malloc reuses these by itself
KEPT = 1 << 28  # bytes that may lie unused
LINE = 64  # bytes of a cache line

_free = {}  # bytes of a buffer -> buffers of that size


class Workspace:
    """Uninitialised memory for as long as this object lives; a copy or a pickle holds its bytes.

    Parameters
    ----------
    nbytes : int
        At least so many bytes.

    Attributes
    ----------
    buffer : ndarray of uint8
        It begins at a cache line, in a copy too: what kernels put there keeps its place.
    """

    __slots__ = ("buffer",)

    def __init__(self, nbytes):
        if nbytes < SMALL:
            self.buffer = _aligned(nbytes)
            return
        step = 1 << (nbytes.bit_length() - 4)
        nbytes = -(-nbytes // step) * step  # few sizes: similar calls share buffers
        try:
            self.buffer = _free[nbytes].pop()
        except (KeyError, IndexError):
            self.buffer = _aligned(nbytes)

    def __del__(self, free=_free):
        nbytes = self.buffer.nbytes
        if nbytes >= SMALL and nbytes + sum(n * len(free[n]) for n in list(free)) <= KEPT:
            free.setdefault(nbytes, []).append(self.buffer)

    def __reduce__(self):
        return _with_bytes, (self.buffer,)


def _aligned(nbytes):
    memory = np.empty(nbytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + nbytes]


def _with_bytes(buffer):
    workspace = Workspace(buffer.nbytes)
    workspace.buffer[: buffer.nbytes] = buffer
    return workspace
