"""What the tests of several rooms share."""

import mmap
import subprocess
import sys
import tempfile
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

DTYPES = [np.float32, np.float64]
LAYOUTS = ["C", "F", "strided", "reversed", "steps", "readonly", "memmap"]
linux = pytest.mark.skipif(sys.platform != "linux", reason="works by what Linux alone has")
APART = pytest.param("apart", marks=linux)  # one more layout
MAP_NORESERVE = 0x4000  # Linux; not named by mmap before Python 3.13
COUNTS = [1, 2, 3, 7]  # of threads
STEPS = {  # op -> how many arrays of state, the scalars
    "sgd": (0, (0.1,)),
    "momentum": (1, (0.1, 0.9)),
    "nesterov": (1, (0.1, 0.9)),
    "adagrad": (1, (0.1,)),
    "rmsprop": (1, (0.1, 0.99)),
    "adam": (2, (0.003, 0.9, 0.999)),
}


def lay(array, layout):
    """The same values in another memory layout."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "strided":
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if layout == "reversed":
        return np.ascontiguousarray(array[::-1])[::-1]
    if layout == "steps":
        axis = min(1, array.ndim - 1)
        return np.moveaxis(np.moveaxis(np.repeat(array, 2, axis), axis, 0)[::2], 0, axis)
    if layout == "memmap":
        with tempfile.TemporaryFile() as file:
            file.write(array.tobytes())
            file.flush()
            return np.memmap(file, array.dtype, "r", shape=array.shape)
    if layout == "apart":  # entries of the first axis, by more items than an int counts
        apart = array.itemsize * (2**31 + 64)
        size = len(array) * apart + array.nbytes
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | MAP_NORESERVE)
        strides = (apart, *array.strides[1:])
        place = np.frombuffer(memory, array.dtype)
        place = np.lib.stride_tricks.as_strided(place, array.shape, strides)
        place[...] = array
        return place
    array = array.copy()
    array.flags.writeable = layout != "readonly"
    return array


def swapped(array):
    """The same values in the other byte order."""
    return array.astype(array.dtype.newbyteorder())


def unaligned(array):
    """The same values one byte away from where they should lie."""
    place = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    place[...] = array
    return place


def numeric(function, x, places=None, change=1e-6):
    """Central differences of function() in entries of x: in all of them, or at the places given."""
    slopes = []
    for place in np.ndindex(x.shape) if places is None else places:
        value = x[place]
        x[place] = value + change
        above = function()
        x[place] = value - change
        below = function()
        x[place] = value
        slopes.append((above - below) / (2 * change))
    return np.reshape(slopes, x.shape if places is None else -1)


def at_once(work, count):
    """Call work(k) for each k below count, each in a thread of its own."""
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(work, range(count)))  # raises what they raise


def python(*arguments, timeout=100, **options):
    """Run a new Python process; what it prints is text."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)


def run_code(code, *arguments, **options):
    return python("-c", textwrap.dedent(code), *arguments, **options)
