"""Fixtures that every test module may use."""

import signal
import subprocess

import numpy as np
import pytest
from helpers import COUNTS

from fastembed import threads

# a runner in the background of a shell ignores Ctrl-C, and so would the processes under test
signal.signal(signal.SIGINT, signal.default_int_handler)


# each file's tests run in one process: with the longest first, both processes end together
LONGEST = "test_package", "test_word2vec", "test_threads"


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.fixture(autouse=True)
def set_threads():
    """``fastembed.set_num_threads``, undone after the test."""
    before = threads.get_num_threads()
    yield threads.set_num_threads
    threads.set_num_threads(before)


@pytest.fixture(params=COUNTS)
def any_threads(request, set_threads):
    set_threads(request.param)


@pytest.fixture
def here(capsys, monkeypatch):
    """The command line in this process, which has loaded the libraries already."""

    from fastembed.__main__ import main

    def run(*arguments, cwd):
        monkeypatch.chdir(cwd)
        arguments = list(map(str, arguments))
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code
        return subprocess.CompletedProcess(arguments, status, *capsys.readouterr())

    return run
