"""Trained parameters in a safetensors file; vocabulary, settings and progress in its metadata."""

import json
import os
import tempfile
from pathlib import Path

from fastembed._files import tensors as files
from fastembed._files import whole
from fastembed.tasks.values import UserError, reason

FORMAT = "fastembed-train/2"


class Checkpoint:
    """A task's file in a folder.

    ``old`` is what `load` found there. With resume it must be there, and is replaced; else the file
    of another run is kept as NAME.previous.safetensors before the first `save`.
    """

    def __init__(self, folder, task, resume=False):
        self.task = task
        self.path = Path(folder) / f"{task}.safetensors"
        self.old = load(self.path, task) if resume else find(self.path, task)
        self.kept = resume or self.old is None

    def make_folder(self):
        """Make the folder, and find out now rather than after training if it can be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except (OSError, ValueError) as error:  # ValueError: a null character in the path
            words = f"cannot write into folder {self.path.parent}: {reason(error)}"
            raise UserError(words) from None

    def save(self, tensors, settings, progress, words):
        """Write the file, see the function `save`."""
        if not self.kept:
            back_up(self.path)
            self.kept = True
        save(self.path, self.task, tensors, settings, progress, words)

    def beside(self, ending):
        """The path of another file of the task."""
        return self.path.with_name(self.task + ending)


def save(path, task, tensors, settings, progress, words):
    """Write a checkpoint: the file at path is the old one or the new one, never a part of one.

    Settings (what rebuilds the model) and progress (where training stands) are dicts of values of
    JSON, words the vocabulary in the order of the ids. UserError if it cannot be written.
    """
    metadata = {
        "format": FORMAT,
        "task": task,
        "settings": json.dumps(settings),
        "progress": json.dumps(progress),
        "vocabulary": json.dumps(words, ensure_ascii=False),
    }
    try:
        files.write(path, tensors, metadata)
    except OSError as error:
        raise UserError(f"cannot write {path}: {reason(error)}") from None


def load(path, task):
    """Read a checkpoint: tensors, settings, progress and words, as they were given to `save`.

    UserError if the file is missing, damaged, of another program or of another task.
    """
    try:
        tensors, metadata = files.read(path)
        if metadata.get("format") != FORMAT:
            raise UserError(f"{path} was not written by 'python -m fastembed train'")
        if metadata["task"] != task:
            raise UserError(f"{path} holds the task {metadata['task']!r}, not {task!r}")
        settings, progress, words = (
            json.loads(metadata[key]) for key in ("settings", "progress", "vocabulary")
        )
    except OSError as error:
        raise UserError(f"cannot read {path}: {reason(error)}") from None
    except (KeyError, RecursionError, ValueError) as error:
        raise UserError(f"{path} is damaged or foreign ({' '.join(str(error).split())})") from None
    kinds = [type(settings) is dict, type(progress) is dict, type(words) is list]
    if not all(kinds) or not all(type(word) is str for word in words):
        raise UserError(f"{path} is damaged (its settings or words are none)")
    return tensors, settings, progress, words


def find(path, task):
    """The checkpoint at path, None if there is no file; refuse one that is not good."""
    if not os.path.lexists(path):
        return None
    try:
        return load(path, task)
    except UserError as error:
        raise UserError(f"{error}; move it away or choose another --out") from None


def back_up(path):
    """Keep the file at path as NAME.previous.safetensors, before another run's takes its place."""
    try:
        whole.write(Path(path).with_suffix(".previous.safetensors"), whole.read(path), follow=False)
    except OSError as error:
        raise UserError(f"cannot keep {path}: {reason(error)}") from None


def fill(model_params, names, tensors, path):
    """Copy tensors into a model's parameters, in place; refuse other names or shapes."""
    check({name: p.shape for name, p in zip(names, model_params, strict=True)}, tensors, path)
    for name, param in zip(names, model_params, strict=True):
        param[...] = tensors[name]


def check(shapes, tensors, path):
    """Refuse tensors of other names or shapes than those given."""
    if set(shapes) != set(tensors):
        raise UserError(f"{path} holds other parameters: {', '.join(sorted(tensors))}")
    for name, shape in shapes.items():
        if tensors[name].shape != shape:
            differ = f"shape {tensors[name].shape}, not {shape}"
            raise UserError(f"{path} does not fit these settings: {name} has {differ}")
