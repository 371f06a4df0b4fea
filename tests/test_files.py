"""Files written whole: links, pipes, full disks, killed writers, two writers at once."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from fastembed import models
from fastembed.tasks import checkpoint
from fastembed.tasks.values import UserError
from fastembed.text import WordTokenizer

posix = pytest.mark.skipif(os.name == "nt", reason="links, pipes and signals of POSIX systems")
MODEL = models.Rnnlm(5, 3, 3)
MODEL.tokenizer = WordTokenizer(["a", "b", "c"])


def save_checkpoint(path):
    checkpoint.save(path, "lm", MODEL, MODEL.params, {}, {}, {})


WRITERS = [MODEL.save, MODEL.save_params, save_checkpoint]
every_writer = pytest.mark.parametrize("save", WRITERS, ids=["save", "save_params", "checkpoint"])


@every_writer
@posix
def test_a_link_stays_and_what_it_leads_to_is_written(save, tmp_path):
    (tmp_path / "store").mkdir()
    target, link = tmp_path / "store/model", tmp_path / "link"
    link.symlink_to("store/model")
    for before in (None, b"old"):  # a link to nothing, a link to a file
        if before:
            target.write_bytes(before)
        save(link)
        assert link.is_symlink() and target.stat().st_size > 3
    assert os.listdir(tmp_path / "store") == ["model"] and len(os.listdir(tmp_path)) == 2
    (tmp_path / "ring").symlink_to("ring")
    with pytest.raises((OSError, UserError), match="symbolic links"):
        save(tmp_path / "ring")
    assert (tmp_path / "ring").is_symlink()


@every_writer
@posix
def test_a_pipe_stays_a_pipe_and_is_written(save, tmp_path):
    path, plain = tmp_path / "pipe", tmp_path / "plain"
    save(plain)
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()), daemon=True)
    reader.start()
    save(path)
    reader.join(10)
    assert stat.S_ISFIFO(path.stat().st_mode) and got == [plain.read_bytes()]


@every_writer
def test_folders_are_refused_and_errors_name_the_file_asked_for(save, tmp_path):
    with pytest.raises((OSError, UserError), match="director"):
        save(tmp_path)
    assert os.listdir(tmp_path) == []
    path = tmp_path / "nowhere" / "model"
    with pytest.raises((OSError, UserError)) as caught:
        save(path)
    assert str(path) in str(caught.value) and ".tmp" not in str(caught.value)


@every_writer
@posix
def test_permissions_are_those_of_open_or_of_the_old_file(save, tmp_path, monkeypatch):
    """The umask stays: it is the whole process's, and others' files would be open to all."""
    path, umask = tmp_path / "model", os.umask
    old = umask(0o027)
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask was changed"))
    try:
        save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o606)
        save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o606
    finally:
        umask(old)


@every_writer
@posix
def test_file_and_folder_are_on_the_disk_before_it_returns(save, tmp_path, monkeypatch):
    events, fsync, replace = [], os.fsync, os.replace

    def sync(handle):
        events.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", lambda *names: events.append("rename") or replace(*names))
    save(tmp_path / "model")
    assert events == ["file", "rename", "folder"]


@every_writer
@posix
def test_a_full_disk_leaves_the_old_file(save, tmp_path):
    """A limit on the size of files stands for the disk's end: it binds the superuser too."""
    import resource

    path = tmp_path / "model"
    save(path)
    good, limit = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises((OSError, UserError), match="(?i)too large"):
            save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == good and os.listdir(tmp_path) == ["model"]


# ---- other processes

SAVE_FOR_EVER = """
import sys
import numpy as np
from fastembed.models import Rnnlm
from fastembed.tasks import checkpoint
from fastembed.text import WordTokenizer
value, model = 0, Rnnlm(5, 3, 3)
model.tokenizer = WordTokenizer(["a", "b", "c"])
while True:
    W = np.full(200_000, float(value))
    checkpoint.save(sys.argv[1], "lm", model, model.params, {"W": W}, {}, {})
    print(value, flush=True)
    value += 1
"""


@contextlib.contextmanager
def saving_for_ever(path):
    process = subprocess.Popen(
        [sys.executable, "-c", SAVE_FOR_EVER, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout.readline(), process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


@posix
def test_kill_9_leaves_a_good_checkpoint_and_the_next_save_tidies_up(tmp_path):
    path = tmp_path / "lm.safetensors"
    for delay in np.linspace(0, 0.03, 8):
        with saving_for_ever(path):
            time.sleep(delay)
        W = checkpoint.load(path, "lm").others["training.W"]
        assert (W == W[0]).all()
    # what a writer leaves that is killed before its file has its name
    (tmp_path / ".lm.safetensors.0123abcd.tmp").write_bytes(b"half")
    save_checkpoint(path)
    assert os.listdir(tmp_path) == ["lm.safetensors"]


@posix
def test_two_processes_may_save_the_same_file(tmp_path):
    path = tmp_path / "lm.safetensors"
    with saving_for_ever(path) as first, saving_for_ever(path) as second:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            checkpoint.load(path, "lm")
            save_checkpoint(path)
        assert first.poll() is None and second.poll() is None


@posix
@pytest.mark.parametrize(
    "load", [MODEL.load, MODEL.load_params, lambda p: checkpoint.load(p, "lm")]
)
def test_reading_waits_for_no_pipe(load, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((OSError, UserError), match="(?i)not a regular file"):
        load(tmp_path / "pipe")
