"""Layers to and from PyTorch, models to ONNX; either package is imported when it is needed.

Weights are copied. PyTorch's matrices are ours transposed, with the gates in another order and two
biases that are added up; its modules here are ``batch_first``.
"""

import os
from typing import Any

import numpy as np

from fastembed._files import whole
from fastembed._inputs import Array
from fastembed.layers import Embedding
from fastembed.models import Seq2seq
from fastembed.time_layers import TimeLSTM, TimeRNN

__all__ = ["export_onnx", "from_torch", "to_torch"]

# which of the other's gates come first, second, …
FROM_TORCH = {"RNN": [0], "LSTM": [1, 2, 0, 3]}  # ours are f g i o, PyTorch's i f g o
TO_TORCH = {"RNN": [0], "LSTM": [2, 0, 1, 3]}
LAYERS = {"RNN": TimeRNN, "LSTM": TimeLSTM}


def from_torch(module: Any) -> Any:
    """A layer with a copy of a PyTorch module's weights.

    Parameters
    ----------
    module : torch.nn.Embedding, RNN or LSTM
        Recurrent ones of one layer and direction, without projection.

    Returns
    -------
    Embedding, TimeRNN or TimeLSTM
        Sequences are (N, T, D) whether or not the module is ``batch_first``.

    Raises
    ------
    TypeError
        If the module is another one.
    ValueError
        If it has an option that the layer lacks.
    """
    import torch

    if isinstance(module, torch.nn.Embedding):
        lacking: dict[str, Any] = {
            "padding_idx": None,
            "max_norm": None,
            "scale_grad_by_freq": False,
        }
        _refuse(module, lacking)
        return Embedding(_copy(module.weight))
    kind = type(module).__name__
    if not isinstance(module, torch.nn.RNNBase) or kind not in LAYERS:
        raise TypeError(f"module must be a torch.nn.Embedding, RNN or LSTM, got {kind}")
    lacking = {"num_layers": 1, "bidirectional": False, "proj_size": 0, "nonlinearity": "tanh"}
    _refuse(module, lacking)
    Wx, Wh, *biases = (_gates(_copy(part).T, FROM_TORCH[kind]) for part in module.all_weights[0])
    return LAYERS[kind](Wx, Wh, np.sum(biases, axis=0) if biases else np.zeros_like(Wx[0]))


def to_torch(layer: Any) -> Any:
    """A PyTorch module with a copy of a layer's weights.

    Parameters
    ----------
    layer : Embedding, TimeEmbedding, TimeRNN or TimeLSTM

    Returns
    -------
    torch.nn.Embedding, RNN or LSTM
        Recurrent ones with ``batch_first``; their second bias is 0.

    Raises
    ------
    TypeError
        If the layer is another one.
    """
    import torch

    arrays = layer.params if hasattr(layer, "params") else []
    if isinstance(layer, Embedding):
        return _filled(torch.nn.Embedding(*arrays[0].shape), weight=arrays[0])
    kind = next((name for name, own in LAYERS.items() if isinstance(layer, own)), None)
    if kind is None:
        known = "an Embedding, TimeEmbedding, TimeRNN or TimeLSTM"
        raise TypeError(f"layer must be {known}, got {type(layer).__name__}")
    Wx, Wh, b = (_gates(array, TO_TORCH[kind]) for array in arrays)
    return _filled(
        getattr(torch.nn, kind)(*Wx.shape[:1], len(Wh), batch_first=True),
        weight_ih_l0=Wx.T, weight_hh_l0=Wh.T, bias_ih_l0=b, bias_hh_l0=np.zeros_like(b),
    )  # fmt: skip


def _gates(array: Array, order: list[int]) -> Array:
    """The gates along the last axis in another order."""
    parts = np.split(array, len(order), axis=-1)
    return np.concatenate([parts[k] for k in order], axis=-1)


def _copy(parameter: Any) -> Array:
    array: Array = parameter.detach().cpu().numpy().copy()
    return array


def _filled(module: Any, **arrays: Array) -> Any:
    """The module with these parameters, of their dtype."""
    import torch

    first, *_ = arrays.values()
    module.to(torch.from_numpy(first[:0]).dtype)
    with torch.no_grad():
        for name, array in arrays.items():
            getattr(module, name).copy_(torch.from_numpy(np.ascontiguousarray(array)))
    return module


def _refuse(module: Any, plain: dict[str, Any]) -> None:
    """Refuse options that are not those of a plain layer."""
    for name, value in plain.items():
        found = getattr(module, name, value)
        if found != value:
            kind = type(module).__name__
            raise ValueError(f"module must be a {kind} with {name}={value!r}, got {found!r}")


def export_onnx(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model's inference as an ONNX file (needs the package ``onnx``; extra ``onnx``).

    A language model (`Rnnlm`, `SimpleRnnlm`, `BetterRnnlm` and their subclasses) takes ``xs``
    (N, T) of int64 and the state of each recurrent layer, ``h_in`` and for LSTMs ``c_in`` (N, H)
    of float32 (the second layer's are ``h1_in``, ``c1_in``); it gives ``scores`` (N, T, V) and the
    states after xs, ``h_out``, ``c_out``.

    `Seq2seq`, `PeekySeq2seq` and `AttentionSeq2seq` take ``xs`` (N, T), ``start_id`` () and
    ``sample_size`` () of int64; they give ``ids`` (N, sample_size), what ``generate`` gives for
    each row.

    Raises
    ------
    TypeError
        If the model is none of these.
    """
    from fastembed import _onnx

    if isinstance(model, Seq2seq):
        graph = _onnx.seq2seq(model)
    elif hasattr(model, "layers"):
        graph = _onnx.language_model(model)
    else:
        raise TypeError(f"model must be a language model or a Seq2seq, got {type(model).__name__}")
    whole.write(path, _onnx.model_of(graph))
