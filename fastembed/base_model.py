"""BaseModel: parameters saved to and loaded from files."""

import os
import pickle
import tempfile

import numpy as np

from fastembed.np import GPU

__all__ = ["BaseModel", "GPU", "np", "os", "pickle"]


class BaseModel:
    """Base of models: ``params`` and ``grads`` are lists of arrays.

    ``save_params`` and ``load_params`` use the book's file format (float16, pickled);
    ``save`` and ``load`` use safetensors and keep every bit.
    """

    def __init__(self):
        self.params, self.grads = None, None

    def forward(self, *args):
        raise NotImplementedError

    def backward(self, *args):
        raise NotImplementedError

    def save_params(self, file_name=None):
        """Pickle the parameters as float16.

        Parameters
        ----------
        file_name : str, optional
            By default the class name with ``.pkl``.
        """
        if file_name is None:
            file_name = self.__class__.__name__ + ".pkl"
        params = [param.astype(np.float16) for param in self.params]
        write_whole(file_name, pickle.dumps(params))

    def load_params(self, file_name=None):
        """Fill the parameters in place from a file that `save_params` wrote.

        Parameters
        ----------
        file_name : str, optional
            By default the class name with ``.pkl``.

        Raises
        ------
        OSError
            If there is no such file.
        ValueError
            If the file is damaged, holds anything but arrays, or does not fit the model; no
            parameter has been changed then.
        """
        if file_name is None:
            file_name = self.__class__.__name__ + ".pkl"
        if isinstance(file_name, str):
            file_name = file_name.replace("/", os.sep)
        if not os.path.exists(file_name):
            raise OSError(f"No file: {file_name}")
        with open(file_name, "rb") as file:
            try:
                loaded = _ArrayUnpickler(file).load()
            except Exception as error:  # pickle raises nearly anything on a damaged file
                raise ValueError(f"{file_name} is not a file of parameters: {error}") from error
        if not isinstance(loaded, list | tuple):
            raise ValueError(f"{file_name} holds a {type(loaded).__name__}, not a list of arrays")
        self._fill(file_name, [np.asarray(array) for array in loaded])

    def save(self, file_name, metadata=None):
        """Write the parameters to a safetensors file, as ``param0``, ``param1``, …

        Parameters
        ----------
        file_name : str or path
        metadata : dict of str to str, optional
            Kept in the file.
        """
        from safetensors.numpy import save

        tensors = {f"param{k}": np.ascontiguousarray(p) for k, p in enumerate(self.params)}
        write_whole(file_name, save(tensors, metadata=metadata))

    def load(self, file_name):
        """Fill the parameters in place from a file that `save` wrote.

        Parameters
        ----------
        file_name : str or path

        Returns
        -------
        dict of str to str
            The file's metadata.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is damaged or does not fit the model; no parameter has been changed then.
        """
        from safetensors import SafetensorError, safe_open

        if not os.path.isfile(file_name):
            raise FileNotFoundError(f"No file: {file_name}")
        try:
            with safe_open(file_name, framework="numpy") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}
                metadata = dict(file.metadata() or {})
        except SafetensorError as error:
            raise ValueError(f"{file_name} is not a safetensors file: {error}") from error
        names = [f"param{k}" for k in range(len(tensors))]
        if sorted(names) != sorted(tensors):
            raise ValueError(f"{file_name} holds {sorted(tensors)}, not param0, param1, …")
        self._fill(file_name, [tensors[name] for name in names])
        return metadata

    def _fill(self, file_name, arrays):
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


class _ArrayUnpickler(pickle.Unpickler):
    """Loads lists of NumPy arrays and nothing else: a pickle can otherwise run any code."""

    allowed = {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy._core.numeric", "_frombuffer"),
        ("_codecs", "encode"),
    }

    def find_class(self, module, name):
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which is not an array")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def write_whole(file_name, data):
    """Write bytes to a file so that it is replaced whole or not at all."""
    folder, name = os.path.split(os.path.abspath(file_name))
    handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # as open() would have made it
        os.replace(temporary, file_name)
    except BaseException:
        os.unlink(temporary)
        raise
