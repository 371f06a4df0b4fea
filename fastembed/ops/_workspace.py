"""Large scratch memory that is used again: fresh pages cost more than what is done in them.

No lock: a finaliser may give memory back at any moment, also while its own thread is taking some.
Single operations on lists and dicts are atomic.
"""

import numpy as np

SMALL = 1 << 16  # bytes; malloc reuses these by itself
KEPT = 1 << 28  # bytes that may lie unused

_free = {}  # bytes of a buffer -> buffers of that size


class Workspace:
    """Uninitialised memory for as long as this object lives.

    Parameters
    ----------
    nbytes : int
        At least so many bytes.

    Attributes
    ----------
    buffer : ndarray of uint8
        It has 64 bytes more, so that a kernel can align what it puts there.
    """

    __slots__ = ("buffer",)

    def __init__(self, nbytes):
        nbytes += 64
        if nbytes < SMALL:
            self.buffer = np.empty(nbytes, np.uint8)
            return
        step = 1 << (nbytes.bit_length() - 4)
        nbytes = -(-nbytes // step) * step  # few sizes: similar calls share buffers
        try:
            self.buffer = _free[nbytes].pop()
        except (KeyError, IndexError):
            self.buffer = np.empty(nbytes, np.uint8)

    def __del__(self, free=_free):
        nbytes = self.buffer.nbytes
        if nbytes >= SMALL and nbytes + sum(n * len(free[n]) for n in list(free)) <= KEPT:
            free.setdefault(nbytes, []).append(self.buffer)
