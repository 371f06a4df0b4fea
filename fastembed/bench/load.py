"""How busy other programs keep the CPUs: a figure measured beside them is not the machine's."""

import os
import time

ALLOWED = 0.2  # CPUs' worth of foreign work that a round may see


def busy():
    """Seconds that all CPUs have worked since boot; None where the system does not tell."""
    try:
        with open("/proc/stat") as file:
            fields = [int(field) for field in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")  # not idle, iowait


class Watch:
    """Foreign work since the watch was made, in CPUs."""

    def __init__(self):
        self.busy = busy()
        self.mine = time.process_time()
        self.began = time.perf_counter()

    def foreign(self, workers):
        """CPUs' worth of work that was neither this process's nor, in seconds, the workers'."""
        now = busy()
        if self.busy is None or now is None:
            return 0.0
        mine = time.process_time() - self.mine + workers
        return max(0.0, now - self.busy - mine) / max(1e-9, time.perf_counter() - self.began)
