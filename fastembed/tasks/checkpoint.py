"""A run's folder: the model, with where its training stands in the same file; log and pictures."""

import contextlib
import itertools
import json
import os
import shutil
import tempfile
from pathlib import Path

from fastembed import base_model
from fastembed._errors import UserError, as_user_error, reason
from fastembed._files import tensors as files

FORMAT = "fastembed-train/3"
FOLDER = "fastembed-train"  # where nothing else is asked for: this, or the next -2, -3, …
STATE = "training."  # begins the names of tensors that only training needs


class Checkpoint:
    """A task's file in a folder.

    Nothing is written over unasked: without a folder's name, a run gets a new folder; one that
    holds a model of the task is refused, unless it is to be replaced (force) or trained further
    (resume): then ``saved`` is the model that is there.
    """

    def __init__(self, task, out=None, resume=False, force=False):
        self.task, self.saved = task, None
        self.any_folder = out is None and not (resume or force)
        self.path = self._in(_newest(task) if resume and out is None else out or FOLDER)
        if resume:
            self.saved = load(self.path, task)
        elif os.path.lexists(self.path) and not self.any_folder:
            if not force:
                raise UserError(
                    f"{self.path} holds a model: choose another --out, "
                    f"or go on with it (--resume), or replace it (--force)"
                )
            if not self.path.is_file():
                raise UserError(f"cannot replace {self.path}: Not a regular file")

    def _in(self, folder):
        return Path(folder) / f"{self.task}.safetensors"

    @contextlib.contextmanager
    def folder(self):
        """Make the folder, and find out now rather than after training if it can be written.

        After an error within, a folder that was made for it is gone.
        """
        folder, was_there = self.path.parent, os.path.exists(self.path.parent)
        try:
            if self.any_folder:
                folder, was_there = _new_folder(), False
                self.path = self._in(folder)
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            words = f"cannot write into folder {folder}: {reason(error)}"
            raise UserError(words) from None
        try:
            yield
        except BaseException:
            if not was_there:
                shutil.rmtree(folder, ignore_errors=True)
            raise

    def beside(self, ending):
        """The path of another file of the task."""
        return self.path.with_name(self.task + ending)


def save(path, task, model, params, state, settings, progress):
    """Write a model: the file at path is the old one or the new one, never a part of one.

    Params are the arrays that count as the model's; state is a dict of arrays, settings and
    progress dicts of values of JSON: what training needs to go on. UserError if it cannot be
    written.
    """
    arrays, metadata = base_model.pack(model, params)
    arrays |= {STATE + name: array for name, array in state.items()}
    training = {"format": FORMAT, "task": task, "settings": settings, "progress": progress}
    with as_user_error(f"cannot write {path}"):
        files.write(path, arrays, {**metadata, base_model.TRAINING: json.dumps(training)})


def load(path, task):
    """Read what `save` wrote, a `fastembed.base_model.Saved`; its training is checked to be one.

    UserError if the file is missing, damaged, of another program or of another task.
    """
    if not os.path.exists(path):
        raise UserError(f"there is no {path} to go on with")
    with reading(path):
        saved = base_model.unpack(path)
    training = saved.training
    if type(training) is not dict or training.get("format") != FORMAT:
        raise UserError(f"{path} was not written by 'python -m fastembed train'")
    if training.get("task") != task:
        raise UserError(f"{path} holds the task {training.get('task')!r:.50}, not {task!r}")
    if not type(training.get("settings")) is type(training.get("progress")) is dict:
        raise UserError(f"{path} is damaged (its settings or progress are none)")
    if saved.tokenizer is None or saved.made_by is None:
        raise UserError(f"{path} is damaged (it has no vocabulary, or no model)")
    return saved


@contextlib.contextmanager
def reading(path):
    """Make errors of a file of a model those of a user."""
    try:
        yield
    except ValueError as error:
        raise UserError(" ".join(str(error).split())) from None
    except OSError as error:  # without the system's words, where no model is found
        words = f"cannot read {path}: {error.strerror}" if error.strerror else str(error)
        raise UserError(words) from None


def _names():
    yield FOLDER
    yield from (f"{FOLDER}-{number}" for number in itertools.count(2))


def _new_folder():
    for name in _names():
        try:
            os.mkdir(name)
            return Path(name)
        except FileExistsError:
            continue


def _newest(task):
    """The last of the folders that were made for runs which has a model of the task."""
    found = FOLDER
    for name in _names():
        if not os.path.lexists(name):
            return found
        if os.path.exists(os.path.join(name, f"{task}.safetensors")):
            found = name
