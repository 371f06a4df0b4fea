"""Which CPUs worker threads may run on: not the one of the thread that gives them work.

Linux likes to wake a thread on the CPU of the one that wakes it, and may leave both there for many
milliseconds while another CPU idles: two threads then take as long as one, and members of a gang
wait for each other in turns. The caller's own CPU is left to the caller, whose affinity is never
touched; elsewhere than on Linux nothing is done.
"""

import contextlib
import ctypes
import os


def _find_getcpu():
    """The C function that tells the CPU of the calling thread, or None."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    try:
        function = ctypes.PyDLL(None).sched_getcpu  # keeps the GIL: it takes some nanoseconds
    except (OSError, AttributeError):
        return None
    function.argtypes = ()
    return function


_getcpu = _find_getcpu()


class Placement:
    """Where the workers of one pool may run now."""

    def __init__(self):
        self.situation = None

    def forget(self):
        """Place the workers anew at the next call: there are new ones."""
        self.situation = None

    def keep_off_caller(self, workers, wanted):
        """Let the workers run everywhere that the calling thread may, but not where it is now.

        Parameters
        ----------
        workers : list of threading.Thread
            Started.
        wanted : int
            How many of them work at a time. As many as there are CPUs, or more, run everywhere.
        """
        if _getcpu is None:
            return
        cpu = _getcpu()
        if (cpu, wanted) == self.situation:
            return
        allowed = os.sched_getaffinity(0)
        cpus = allowed - {cpu} if wanted < len(allowed) else allowed
        for worker in workers:
            with contextlib.suppress(OSError):  # CPUs can be taken away meanwhile
                os.sched_setaffinity(worker.native_id, cpus)
        self.situation = cpu, wanted
