"""BaseModel: parameters saved to and loaded from files, with what rebuilds the model."""

import importlib
import inspect
import json
import os
import pickle
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from reprlib import repr
from types import MethodType
from typing import Any, Self, TypeVar, overload

import numpy as np

from fastembed._files import pickled, tensors, whole
from fastembed._inputs import Array
from fastembed.np import GPU

__all__ = ["BaseModel", "GPU", "np", "os", "pickle"]

Path = str | os.PathLike[str]
M = TypeVar("M", bound="BaseModel")

# keys of the metadata of a saved model, each a text of JSON
MODEL, TOKENIZER, TRAINING = "fastembed.model", "fastembed.tokenizer", "fastembed.training"
TIED = "fastembed.tied"  # a parameter that is not in the file -> whose it is, whether transposed
# while a model is made to be filled from a file: the shapes of the file's matrices
expected_shapes: ContextVar[set[tuple[int, ...]] | None] = ContextVar("shapes", default=None)


class _Load:
    """``Model.load(path)`` makes a model, ``model.load(path)`` fills the one that it is."""

    @overload
    def __get__(self, model: None, owner: type[M]) -> Callable[[Path], M]: ...
    @overload
    def __get__(self, model: M, owner: type[M]) -> Callable[[Path], dict[str, str]]: ...
    def __get__(self, model: Any, owner: Any) -> Any:
        return MethodType(_load_new, owner) if model is None else MethodType(_load_into, model)


class BaseModel:
    """Base of models: ``params`` and ``grads`` are lists of arrays.

    ``save`` and ``load`` use safetensors: they keep every bit, and what makes the model anew.
    ``save_params`` and ``load_params`` use the book's file format (float16, pickled).

    Attributes
    ----------
    tokenizer : object or None
        What turns text into the model's ids and back (`fastembed.text`); saved with the model.
    """

    params: Any = None
    grads: Any = None
    tokenizer: Any = None
    load = _Load()
    _arguments: dict[str, Any] = {}  # the constructor's

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        model = super().__new__(cls)
        try:
            bound = inspect.signature(cls.__init__).bind(model, *args, **kwargs)
        except TypeError:  # what is wrong the constructor says; a copy is made without arguments
            return model
        bound.apply_defaults()
        model._arguments = dict(list(bound.arguments.items())[1:])
        return model

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def backward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def save_params(self, file_name: str | None = None) -> None:
        """Pickle the parameters as float16, by default to the class name with ``.pkl``."""
        params = [param.astype(np.float16) for param in self.params]
        if file_name is None:
            file_name = f"{type(self).__name__}.pkl"
        whole.write(file_name, [pickle.dumps(params)])

    def load_params(self, file_name: str | None = None) -> None:
        """Fill the parameters in place from a file that `save_params` wrote.

        Raises
        ------
        OSError
            If there is no such file.
        ValueError
            If the file is damaged, holds anything but arrays, or does not fit the model; no
            parameter has been changed then.
        """
        if file_name is None:
            file_name = f"{type(self).__name__}.pkl"
        if isinstance(file_name, str):
            file_name = file_name.replace("/", os.sep)
        if not os.path.exists(file_name):
            raise OSError(f"No file: {file_name}")
        data = whole.read(file_name)
        try:
            arrays = pickled.arrays(data)
        except ValueError as error:
            raise ValueError(f"{file_name} is not a file of parameters: {error}") from error
        self._fill(file_name, arrays)

    def save(self, file_name: Path, metadata: dict[str, str] | None = None) -> None:
        """Write the model to a safetensors file: `fastembed.load` makes it anew from it alone.

        The parameters are in it as ``param0``, ``param1``, … (tied ones once), beside the class and
        the arguments that made the model, its tokenizer if it has one, the metadata (texts by
        name), and a checksum of the whole.
        """
        metadata = metadata or {}
        for key in metadata:
            if key in (MODEL, TOKENIZER, TRAINING, TIED):
                raise ValueError(f"metadata must not have the key {key!r}: it is the file's own")
        arrays, own = pack(self)
        tensors.write(file_name, arrays, {**metadata, **own})

    @classmethod
    def _make(cls, arguments: dict[str, Any]) -> Self:
        """A model from the arguments that a file holds."""
        return cls(**arguments)

    def _arrays(self) -> dict[str, Array]:
        """What is saved besides the parameters, by name."""
        return {}

    def _restore(self, arrays: dict[str, Array]) -> None:
        """Take what `_arrays` gave, as far as a file has it."""

    def _fill(self, file_name: Any, arrays: Sequence[Array]) -> None:
        """Set every parameter, or none: the file is compared with the model first."""
        if len(arrays) != len(self.params):
            raise ValueError(
                f"{file_name} holds {len(arrays)} parameters, the model has {len(self.params)}"
            )
        for k, (param, array) in enumerate(zip(self.params, arrays, strict=True)):
            if array.shape != param.shape:
                raise ValueError(
                    f"{file_name}: parameter {k} has shape {array.shape}, "
                    f"the model's has {param.shape}"
                )
            if array.dtype.kind != "f":
                raise ValueError(f"{file_name}: parameter {k} is {array.dtype}, not floating point")
        for param, array in zip(self.params, arrays, strict=True):
            param[...] = array


# ---- one format: what a file of a model holds


@dataclass
class Saved:
    """What a file of a model holds."""

    path: str
    params: list[Array]
    others: dict[str, Array]  # tensors that are no parameters
    made_by: tuple[str, dict[str, Any]] | None  # class and arguments
    tokenizer: Any
    training: Any  # where training stands, as JSON gives it; None where it has none
    metadata: dict[str, str]

    def make(self, cls: type[M]) -> M:
        """A new model of a class, filled; ValueError if the file does not fit it."""
        if self.made_by is None:
            raise ValueError(
                f"{self.path} says nothing of how its model is made: "
                f"make one and call its load({self.path!r})"
            )
        token = expected_shapes.set({param.shape for param in self.params})
        try:
            model = cls._make(self.made_by[1])
        except (TypeError, ValueError, MemoryError, OverflowError, ZeroDivisionError) as error:
            words = " ".join(str(error).split())[:300]
            raise ValueError(f"{self.path} does not make a {cls.__name__}: {words}") from error
        finally:
            expected_shapes.reset(token)
        self.fill(model)
        return model

    def fill(self, model: BaseModel) -> None:
        """Set the model's parameters, or none; and its tokenizer, if the file has one."""
        model._fill(self.path, self.params)
        model._restore(self.others)
        if self.tokenizer is not None:
            model.tokenizer = self.tokenizer


def pack(
    model: BaseModel, params: Sequence[Array] | None = None
) -> tuple[dict[str, Array], dict[str, str]]:
    """The tensors and the metadata of our own of a file that holds the model, or it with params."""
    tied = _tied(model.params)
    given = enumerate(model.params if params is None else params)
    arrays = {f"param{k}": param for k, param in given if k not in tied} | model._arrays()
    arguments = {name: _plain(value) for name, value in model._arguments.items()}
    kept = {name: value for name, value in arguments.items() if value is not NotImplemented}
    metadata = {MODEL: json.dumps({"class": type(model).__name__, "arguments": kept})}
    if tied:
        metadata[TIED] = json.dumps(tied)
    if model.tokenizer is not None:
        metadata[TOKENIZER] = model.tokenizer.to_json()
    return arrays, metadata


def _tied(params: Sequence[Array]) -> dict[int, tuple[int, bool]]:
    """Which parameters are an earlier one, or its transposed view: its place, and whether so."""
    found = {}
    for k, param in enumerate(params):
        for j, other in enumerate(params[:k]):
            if param is other or (param.base is other and _place(param) == _place(other.T)):
                found[k] = j, param is not other
    return found


def _place(array: Array) -> Any:
    return array.ctypes.data, array.shape, array.strides


def unpack(file_name: Path) -> Saved:
    """Read a file of a model. OSError if it cannot be read, ValueError if it is damaged or none."""
    if not os.path.exists(file_name):
        raise FileNotFoundError(f"No file: {file_name}")
    try:
        found, metadata = tensors.read(file_name)
    except ValueError as error:
        raise ValueError(f"{file_name} is not a safetensors file: {error}") from error
    try:
        params = _params(found, json.loads(metadata.pop(TIED, "{}")))
        if not params or any(name.startswith("param") for name in found):
            raise ValueError(f"it holds {repr(sorted(found))}, not param0, param1, …")
        model = json.loads(metadata.pop(MODEL, "null"))
        training = json.loads(metadata.pop(TRAINING, "null"))
        text = metadata.pop(TOKENIZER, None)
        if text is not None:
            text = importlib.import_module("fastembed.text").from_json(text)
        made_by = None if model is None else (model["class"], model["arguments"])
        if made_by and not (type(made_by[0]) is str and type(made_by[1]) is dict):
            raise ValueError("its model is none")
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        words = " ".join(str(error).split())[:300]
        raise ValueError(f"{file_name} is damaged ({words})") from error
    return Saved(os.fspath(file_name), params, found, made_by, text, training, metadata)


def _params(found: dict[str, Array], tied: dict[str, list[Any]]) -> list[Array]:
    """Take the parameters out of what was found; tied ones are views of others."""
    params: list[Array] = []
    while (name := f"param{len(params)}") in found or str(len(params)) in tied:
        if name in found:
            params.append(found.pop(name))
        else:
            place, transposed = tied[str(len(params))]
            params.append(params[place].T if transposed else params[place])
    return params


def load(path: Path) -> BaseModel:
    """Read a model that `BaseModel.save` or ``python -m fastembed train`` wrote.

    Parameters
    ----------
    path : str or path
        The file, or a folder with one model in it.

    Returns
    -------
    model : BaseModel
        One of `fastembed.models`, with the ``tokenizer`` that it was saved with.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged, or holds no model of `fastembed.models`.
    """
    saved = unpack(find(path))
    if saved.made_by is None:
        return saved.make(BaseModel)
    models, name = importlib.import_module("fastembed.models"), saved.made_by[0]
    if name not in models.__all__:
        known = f"make it, or use its class's load({saved.path!r})"
        raise ValueError(f"{saved.path} holds a {repr(name)}, not one of fastembed.models: {known}")
    model: BaseModel = saved.make(getattr(models, name))
    return model


def find(path: Path) -> Path:
    """The file itself, or the one model of a folder."""
    if not os.path.isdir(path):
        return path
    names = [name for name in sorted(os.listdir(path)) if name.endswith(".safetensors")]
    if len(names) != 1:
        found = ", ".join(names) or "no .safetensors file"
        raise FileNotFoundError(f"No model alone in folder {os.fspath(path)}: {found}")
    return os.path.join(path, names[0])


def _load_new(cls: type[BaseModel], file_name: Path) -> BaseModel:
    """Make a model from a file that `save` wrote.

    Of `BaseModel`, it is of the class that was saved (`fastembed.load`), else of this one.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged, or does not fit the class.
    """
    return load(file_name) if cls is BaseModel else unpack(find(file_name)).make(cls)


def _load_into(model: BaseModel, file_name: Path) -> dict[str, str]:
    """Fill the parameters in place from a file of `save`'s kind; returns its metadata.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged, holds another dtype than float16, float32 or float64, or does not fit
        the model; no parameter has been changed then.
    """
    saved = unpack(file_name)
    saved.fill(model)
    return saved.metadata


def _plain(value: Any) -> Any:
    """The value as JSON has it; NotImplemented if JSON has no such value."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        value = [_plain(item) for item in value]
        return NotImplemented if NotImplemented in value else value
    return value if value is None or isinstance(value, bool | int | float | str) else NotImplemented
