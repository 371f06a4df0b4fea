"""BaseModel: parameters saved to and loaded from files."""

import os
import pickle
from collections.abc import Sequence
from reprlib import repr
from typing import Any

import numpy as np

from fastembed._files import pickled, tensors, whole
from fastembed._inputs import Array
from fastembed.np import GPU

__all__ = ["BaseModel", "GPU", "np", "os", "pickle"]


class BaseModel:
    """Base of models: ``params`` and ``grads`` are lists of arrays.

    ``save_params`` and ``load_params`` use the book's file format (float16, pickled);
    ``save`` and ``load`` use safetensors and keep every bit.
    """

    params: Any = None
    grads: Any = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def backward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def save_params(self, file_name: str | None = None) -> None:
        """Pickle the parameters as float16, by default to the class name with ``.pkl``."""
        params = [param.astype(np.float16) for param in self.params]
        if file_name is None:
            file_name = f"{type(self).__name__}.pkl"
        whole.write(file_name, pickle.dumps(params))

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

    def save(
        self, file_name: str | os.PathLike[str], metadata: dict[str, str] | None = None
    ) -> None:
        """Write the parameters to a safetensors file, as ``param0``, ``param1``, …

        The metadata is kept in it, beside a checksum of the whole.
        """
        params = {f"param{k}": param for k, param in enumerate(self.params)}
        tensors.write(file_name, params, metadata or {})

    def load(self, file_name: str | os.PathLike[str]) -> dict[str, str]:
        """Fill the parameters in place from a file of `save`'s kind; returns its metadata.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is damaged, holds another dtype than float16, float32 or float64, or does not fit
            the model; no parameter has been changed then.
        """
        if not os.path.exists(file_name):
            raise FileNotFoundError(f"No file: {file_name}")
        try:
            found, metadata = tensors.read(file_name)
        except ValueError as error:
            raise ValueError(f"{file_name} is not a safetensors file: {error}") from error
        names = [f"param{k}" for k in range(len(found))]
        if set(names) != set(found):
            raise ValueError(f"{file_name} holds {repr(sorted(found))}, not param0, param1, …")
        self._fill(file_name, [found[name] for name in names])
        return metadata

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
