"""Layers to and from PyTorch, models to ONNX; either package is imported when it is needed.

Weights are copied. PyTorch's matrices are ours transposed, with the gates in another order and two
biases that are added up; its modules here are ``batch_first``.
"""

import os
from typing import Any

import numpy as np

from fastembed._check import plain
from fastembed._files import whole
from fastembed._inputs import Array
from fastembed.base_model import BaseModel
from fastembed.layers import Embedding, EmbeddingBag
from fastembed.models import Seq2seq
from fastembed.recurrent_layers import StackedGRU, StackedLSTM, StackedRNN, _Stacked
from fastembed.sparse import Frozen, RowSparse
from fastembed.time_layers import TimeBiLSTM, TimeGRU, TimeLSTM, TimeRNN

__all__ = ["export_onnx", "from_torch", "to_torch"]

# kind: layer, stack, and which of PyTorch's gates are our first, second, …: i f g o, r z n
KINDS: dict[str, tuple[Any, Any, list[int]]] = {
    "RNN": (TimeRNN, StackedRNN, [0]),
    "LSTM": (TimeLSTM, StackedLSTM, [1, 2, 0, 3]),
    "GRU": (TimeGRU, StackedGRU, [1, 0, 2]),
}
# options, and what they are by default
LOOKUP = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False}
BAG = {**LOOKUP, "mode": "mean", "include_last_offset": False}


def from_torch(module: Any) -> Any:
    """A layer with a copy of a PyTorch module's weights.

    Parameters
    ----------
    module : torch.nn.Embedding, EmbeddingBag, RNN, LSTM or GRU

    Returns
    -------
    Embedding, EmbeddingBag, TimeRNN, TimeLSTM or TimeGRU
        With the module's options, frozen if its weight is; bfloat16 becomes float32. Recurrent
        modules of several layers, of both directions, or with a projection are a `StackedRNN`,
        `StackedLSTM` or `StackedGRU`. Sequences are (N, T, D) whether or not the module is
        ``batch_first``.

    Raises
    ------
    TypeError
        If the module is another one.
    ValueError
        If it has an option that the layer lacks.
    """
    import torch

    if isinstance(module, torch.nn.Embedding | torch.nn.EmbeddingBag):
        is_bag = isinstance(module, torch.nn.EmbeddingBag)
        options = {"freeze": not module.weight.requires_grad, "sparse": module.sparse}
        options |= _changed(module, BAG if is_bag else LOOKUP)
        return (EmbeddingBag if is_bag else Embedding)(_copy(module.weight), **options)
    kind = type(module).__name__
    if not isinstance(module, torch.nn.RNNBase) or kind not in KINDS:
        known = "Embedding, EmbeddingBag, RNN, LSTM or GRU"
        raise TypeError(f"module must be a torch.nn.{known}, got {kind}")
    nonlinearity = getattr(module, "nonlinearity", "tanh")
    if nonlinearity != "tanh":
        raise ValueError(f"module must be a {kind} with nonlinearity='tanh', got {nonlinearity!r}")
    single, stack, _ = KINDS[kind]
    runs = [_from_weights(kind, list(map(_copy, weights))) for weights in module.all_weights]
    if len(runs) > 1 or module.proj_size:
        params = [param for run in runs for param in run]
        given = {"bidirectional": module.bidirectional, "dropout": module.dropout}
        made = stack.from_params(params, **given)
        made.train_flg = module.training
        return made
    return single(*runs[0], **({"reset_after": True} if kind == "GRU" else {}))


def to_torch(layer: Any) -> Any:
    """A PyTorch module with a copy of a layer's weights.

    Parameters
    ----------
    layer : layer
        `Embedding`, `TimeEmbedding`, `EmbeddingBag`, `TimeRNN`, `TimeLSTM`, `TimeBiLSTM`, `TimeGRU`
        with ``reset_after``, or a stack of them.

    Returns
    -------
    torch.nn.Embedding, EmbeddingBag, RNN, LSTM or GRU
        Recurrent ones with ``batch_first``. Their second bias is 0, but that of a GRU's new values.

    Raises
    ------
    TypeError
        If the layer is another one.
    ValueError
        If it is a GRU without ``reset_after``, or has variational dropout: PyTorch has none.
    """
    import torch

    if isinstance(layer, Embedding):
        W, is_bag = layer.params[0], isinstance(layer, EmbeddingBag)
        made = torch.nn.EmbeddingBag if is_bag else torch.nn.Embedding
        options = _changed(layer, BAG if is_bag else LOOKUP)
        if options.get("mode") != "max" and not layer.scale_grad_by_freq:  # PyTorch has no others
            options["sparse"] = type(layer.grads[0]) is RowSparse
        module = _filled(made(*W.shape, **options), {"weight": W})
        return module.requires_grad_(not isinstance(layer.grads[0], Frozen))
    both = isinstance(layer, TimeBiLSTM)
    runs = [layer.forward_lstm, layer.backward_lstm] if both else [layer]
    options = {"bidirectional": both}
    if isinstance(layer, _Stacked):
        runs = layer.layers
        if layer.dropout and any(drop.variational for drop in layer.dropouts):
            raise ValueError("layer must have no variational dropout: PyTorch has none")
        options = {key: getattr(layer, key) for key in ("bidirectional", "dropout", "num_layers")}
        if len(runs[0].params) > 3:
            options["proj_size"] = runs[0].params[3].shape[1]
    kind = next((name for name, (one, *_) in KINDS.items() if isinstance(runs[0], one)), "")
    if not kind:
        known = "an Embedding, EmbeddingBag, TimeRNN, TimeLSTM, TimeBiLSTM, TimeGRU or a stack"
        raise TypeError(f"layer must be {known} of them, got {type(layer).__name__}")
    arrays = {}
    for k, run in enumerate(runs):
        level, backwards = divmod(k, 2) if options["bidirectional"] else (k, 0)
        for name, array in _to_weights(kind, run.params).items():
            arrays[f"{name}_l{level}" + "_reverse" * backwards] = array
    H = len(arrays["weight_hh_l0"]) // len(KINDS[kind][2])
    made = getattr(torch.nn, kind)(len(runs[0].params[0]), H, batch_first=True, **options)
    return _filled(made, arrays).train(getattr(layer, "train_flg", True))


def _from_weights(kind: str, weights: list[Array]) -> list[Array]:
    """Ours of one layer and direction: Wx, Wh, b, and that of a projection."""
    order = KINDS[kind][2]
    H = weights[0].shape[0] // len(order)
    biases = [w for w in weights if w.ndim == 1] or [np.zeros_like(weights[0][:, 0])] * 2
    Wx, Wh, b, second = (_gates(w.T, order) for w in (*weights[:2], *biases))
    if kind == "GRU":  # our z is 1 - z: that of the negative; the new values keep two biases
        for array in (Wx, Wh, b, second):
            array[..., :H] *= -1
        own = second[2 * H :].copy()
        second[2 * H :] = 0
        return [Wx, Wh, np.concatenate([b + second, own])]
    return [Wx, Wh, b + second, *(w.T.copy() for w in weights[2:] if w.ndim == 2)]


def _to_weights(kind: str, params: list[Array]) -> dict[str, Array]:
    """PyTorch's of one layer and direction, by name."""
    order = KINDS[kind][2]
    Wx, Wh, b, *projection = params
    H = Wx.shape[1] // len(order)
    second = np.zeros(Wx.shape[1], b.dtype)
    if kind == "GRU":
        if len(b) == 3 * H:
            raise ValueError("layer must be a GRU with reset_after: PyTorch has no other formula")
        Wx, Wh, b, second[2 * H :] = Wx.copy(), Wh.copy(), b[: 3 * H].copy(), b[3 * H :]
        for array in (Wx, Wh, b):
            array[..., :H] *= -1
    back = [order.index(k) for k in range(len(order))]
    named = zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), (Wx, Wh, b, second), strict=True)
    made = {name: _gates(array, back).T for name, array in named}
    if projection:
        made["weight_hr"] = projection[0].T
    return made


def _gates(array: Array, order: list[int]) -> Array:
    """The gates along the last axis in another order."""
    parts = np.split(array, len(order), axis=-1)
    return np.concatenate([parts[k] for k in order], axis=-1)


def _copy(parameter: Any) -> Array:
    """An array of it; of bfloat16, which NumPy has not, float32."""
    import torch

    parameter = parameter.detach().cpu()
    parameter = parameter.float() if parameter.dtype == torch.bfloat16 else parameter
    array: Array = parameter.numpy().copy()
    return array


def _filled(module: Any, arrays: dict[str, Array]) -> Any:
    """The module with these parameters, of their dtype."""
    import torch

    tensors = {name: torch.from_numpy(plain(array)) for name, array in arrays.items()}
    module.to(next(iter(tensors.values())).dtype)
    with torch.no_grad():
        for name, tensor in tensors.items():
            getattr(module, name).copy_(tensor)
    return module


def _changed(owner: Any, defaults: dict[str, Any]) -> dict[str, Any]:
    """The options that are not what they are by default."""
    found = {name: getattr(owner, name, value) for name, value in defaults.items()}
    return {name: value for name, value in found.items() if value != defaults[name]}


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
    elif isinstance(model, BaseModel) and hasattr(model, "layers"):
        graph = _onnx.language_model(model)
    else:
        raise TypeError(f"model must be a language model or a Seq2seq, got {type(model).__name__}")
    whole.write(path, [_onnx.model_of(graph)])
