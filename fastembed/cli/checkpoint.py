"""Trained parameters in a safetensors file; vocabulary, settings and progress in its metadata."""

import json
import os
import shutil
import tempfile
import zlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from fastembed.cli.options import UserError, reason

FORMAT = "fastembed-train/1"


def save(path, task, tensors, settings, progress, words):
    """Write a checkpoint: the file at path is the old one or the new one, never a part of one.

    Parameters
    ----------
    path : path-like
    task : str
        ``lm``, ``addition``, …
    tensors : dict of ndarray
    settings, progress : dict
        What rebuilds the model; where training stands. Both must be JSON values.
    words : list of str
        The vocabulary in the order of the ids.

    Raises
    ------
    UserError
        If the folder cannot be written; the old file is as it was.
    """
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    metadata = {
        "format": FORMAT,
        "task": task,
        "settings": json.dumps(settings),
        "progress": json.dumps(progress),
        "vocabulary": json.dumps(words, ensure_ascii=False),
    }
    metadata["crc32"] = _checksum(tensors, metadata)
    write_whole(path, to_bytes(tensors, metadata))


def load(path, task):
    """Read a checkpoint of a task.

    Returns
    -------
    tensors : dict of ndarray
    settings, progress : dict
    words : list of str

    Raises
    ------
    UserError
        If the file is missing, damaged, of another program or of another task.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise UserError(f"{path} was not written by 'python -m fastembed train'")
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        if metadata["crc32"] != _checksum(tensors, metadata):
            raise UserError(f"{path} is damaged (its checksum does not fit)")
        if metadata["task"] != task:
            raise UserError(f"{path} holds the task {metadata['task']!r}, not {task!r}")
        settings, progress, words = (
            json.loads(metadata[key]) for key in ("settings", "progress", "vocabulary")
        )
    except OSError as error:
        raise UserError(f"cannot read {path}: {reason(error)}") from None
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())})") from None
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
    """Copy the file at path to NAME.previous.safetensors, before another run's takes its place."""
    try:
        shutil.copy2(path, Path(path).with_suffix(".previous.safetensors"))
    except OSError as error:
        raise UserError(f"cannot keep {path}: {reason(error)}") from None


def fill(model_params, names, tensors, path):
    """Copy tensors into a model's parameters, in place; refuse other names or shapes."""
    if set(names) != set(tensors):
        raise UserError(f"{path} holds other parameters: {', '.join(sorted(tensors))}")
    for name, param in zip(names, model_params, strict=True):
        if tensors[name].shape != param.shape:
            shapes = f"shape {tensors[name].shape}, not {param.shape}"
            raise UserError(f"{path} does not fit these settings: {name} has {shapes}")
    for name, param in zip(names, model_params, strict=True):
        param[...] = tensors[name]


def _checksum(tensors, metadata):
    texts = (f"{key}={metadata[key]}" for key in sorted(metadata) if key != "crc32")
    total = zlib.crc32("\n".join(texts).encode())
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].tobytes(), total)
    return f"{total:08x}"


def write_whole(path, data):
    """Write bytes to a temporary file beside path, then rename it over path."""
    path = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".tmp-", delete=False) as file:
            temporary = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # temporary files are private; this one is not
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {reason(error)}") from None
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def output_folder(folder):
    """Make a folder, and find out now rather than after training whether it can be written."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        words = reason(error) if isinstance(error, OSError) else error
        raise UserError(f"cannot write into folder {folder}: {words}") from None
    return folder
