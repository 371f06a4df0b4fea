"""Contenders for the tests of the benchmark: wrong ones, and ones that crash or hang."""

import os
import time

from fastembed.bench.cases import flat
from fastembed.bench.peers import Reference, Task


class Wrong(Reference):
    """Right in shape and in the first numbers, wrong in one of them."""

    def task(self, case):
        right = super().task(case)

        def fetch(results):
            arrays = [array.copy() for array in flat(right.fetch(results))]
            arrays[0].flat[-1] += 1
            return arrays

        return Task(right.run, fetch)


class Crash(Reference):
    def task(self, case):
        print("the last words", flush=True)
        os._exit(7)


class Raises(Reference):
    def task(self, case):
        raise ValueError("no such thing")


class Hangs(Reference):
    def task(self, case):
        time.sleep(600)


class NotInstalled(Reference):
    def version(self):
        import a_library_that_nobody_has  # noqa: F401


class SaysItsPid(Reference):
    def task(self, case):
        path = os.environ["BENCH_TEST_PID"]
        with open(path + "~", "w") as file:
            file.write(str(os.getpid()))
        os.replace(path + "~", path)
        return super().task(case)
