"""Inference of models as ONNX graphs."""

from typing import Any

import numpy as np

from fastembed._inputs import Array
from fastembed.models import AttentionSeq2seq, PeekySeq2seq
from fastembed.time_layers import TimeAffine, TimeDropout, TimeEmbedding, TimeLSTM, TimeRNN

OPSET, IR = 17, 8  # of 2022: every runtime of today knows them
LSTM_GATES = [2, 3, 0, 1]  # i o f g, of our f g i o
Place = tuple[str, str, tuple[Any, ...]]  # of an input or output: name, type, shape


class Graph:
    """Nodes in their order, and the arrays that they need, which a loop's body shares."""

    def __init__(self, name: str, arrays: dict[str, Array]) -> None:
        self.name, self.arrays = name, arrays
        self.nodes: list[Any] = []

    def __call__(self, op: str, *inputs: str, **options: Any) -> Any:
        """Add a node; returns the name of its output."""
        return self.several(1, op, *inputs, **options)[0]

    def several(self, outputs: int, op: str, *inputs: str, **options: Any) -> list[str]:
        """Add a node; returns the names of its outputs."""
        from onnx import helper

        names = [f"{self.name}.{len(self.nodes)}.{op}.{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **options))
        return names

    def array(self, value: Any) -> str:
        """The name of an array: floats as float32, the rest as int64."""
        value = np.asarray(value)
        name = f"array.{len(self.arrays)}"
        self.arrays[name] = value.astype(np.float32 if value.dtype.kind == "f" else np.int64)
        return name

    def squeeze(self, x: str, axis: int) -> Any:
        return self("Squeeze", x, self.array([axis]))

    def unsqueeze(self, x: str, axis: int) -> Any:
        return self("Unsqueeze", x, self.array([axis]))

    def embedding(self, layer: Any, xs: str) -> Any:
        return self("Gather", self.array(layer.params[0]), xs, axis=0)

    def affine(self, layer: Any, x: str) -> Any:
        W, b = map(self.array, layer.params)
        return self("Add", self("MatMul", x, W), b)

    def recurrent(self, layer: Any, xs: str, state: list[str]) -> tuple[str, list[str]]:
        """Outputs (N, T, H) and last state from xs (N, T, D); no state is zero."""
        Wx, Wh, b = layer.params
        H = len(Wh)
        lstm = isinstance(layer, TimeLSTM)
        parts = [np.arange(k * H, (k + 1) * H) for k in (LSTM_GATES if lstm else [0])]
        gates = np.concatenate(parts)
        weights = Wx[:, gates].T, Wh[:, gates].T, np.append(b[gates], np.zeros_like(b))
        given = [self.array(w[np.newaxis]) for w in weights]
        if state:
            given += ["", *(self.unsqueeze(part, 0) for part in state)]
        op = ("LSTM" if lstm else "RNN", self("Transpose", xs, perm=[1, 0, 2]), *given)
        hs, *last = self.several(3 if lstm else 2, *op, hidden_size=H)
        hs = self("Transpose", self.squeeze(hs, 1), perm=[1, 0, 2])
        return hs, [self.squeeze(part, 0) for part in last]

    def named(self, name: str, value: str) -> None:
        """Give a value the name of an output."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def done(self, inputs: list[Place], outputs: list[Place], arrays: dict[str, Array]) -> Any:
        from onnx import TensorProto, helper, numpy_helper

        kinds = {"ids": TensorProto.INT64, "floats": TensorProto.FLOAT, "bool": TensorProto.BOOL}
        places = [
            [helper.make_tensor_value_info(name, kinds[kind], shape) for name, kind, shape in side]
            for side in (inputs, outputs)
        ]
        tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        return helper.make_graph(self.nodes, self.name, *places, tensors)


def language_model(model: Any) -> Any:
    """The graph of a model with layers in a row: xs and states to scores and states."""
    graph = Graph("main", {})
    x = "xs"
    inputs: list[Place] = [("xs", "ids", ("N", "T"))]
    ends: list[Place] = []
    for layer in model.layers:
        if isinstance(layer, TimeEmbedding):
            x = graph.embedding(layer, x)
        elif isinstance(layer, TimeLSTM | TimeRNN):
            number = sum(name.startswith("h") for name, *_ in ends)
            names = [f"{part}{number or ''}" for part in layer.state]
            shape = ("N", len(layer.params[1]))
            inputs += [(f"{name}_in", "floats", shape) for name in names]
            x, last = graph.recurrent(layer, x, [f"{name}_in" for name in names])
            for name, value in zip(names, last, strict=True):
                graph.named(f"{name}_out", value)
            ends += [(f"{name}_out", "floats", shape) for name in names]
        elif isinstance(layer, TimeAffine):
            x = graph.affine(layer, x)
        elif not isinstance(layer, TimeDropout):  # it passes everything in inference
            raise TypeError(f"model has a layer that cannot be exported: {type(layer).__name__}")
    graph.named("scores", x)
    scores: Place = ("scores", "floats", ("N", "T", len(model.layers[-1].params[1])))
    return graph.done(inputs, [scores, *ends], graph.arrays)


def seq2seq(model: Any) -> Any:
    """The graph of ``generate`` for a batch: xs, start_id and sample_size to ids."""
    from onnx import TensorProto, helper

    arrays: dict[str, Array] = {}
    main, step = Graph("main", arrays), Graph("step", arrays)
    encoder, decoder = model.encoder, model.decoder
    hs, (h, c) = main.recurrent(encoder.lstm, main.embedding(encoder.embed, "xs"), [])
    zero = main("Sub", c, c)  # the decoder begins with c = 0
    N = main("Slice", main("Shape", "xs"), main.array([0]), main.array([1]))
    shape = main("Concat", N, main.array([1]), axis=0)
    word = main("Expand", "start_id", shape)

    x = step.embedding(decoder.embed, "word")
    if isinstance(model, PeekySeq2seq):
        seen = main.unsqueeze(h, 1)
        x = step("Concat", seen, x, axis=2)
    x, last = step.recurrent(decoder.lstm, x, ["h", "c"])
    if isinstance(model, PeekySeq2seq):
        x = step("Concat", seen, x, axis=2)
    elif isinstance(model, AttentionSeq2seq):
        scores = step("MatMul", x, main("Transpose", hs, perm=[0, 2, 1]))
        context = step("MatMul", step("Softmax", scores, axis=-1), hs)
        x = step("Concat", context, x, axis=2)
    best = step("ArgMax", step.affine(decoder.affine, x), axis=2, keepdims=0)
    H = len(decoder.lstm.params[1])
    states: list[Place] = [(name, "floats", ("N", H)) for name in ("h", "c")]
    for name, value in zip(("go_on", "next", "h_next", "c_next", "said"),
                           ("cond", best, *last, best), strict=True):  # fmt: skip
        step.named(name, value)
    body = step.done(
        [("number", "ids", ()), ("cond", "bool", ()), ("word", "ids", ("N", 1)), *states],
        [
            ("go_on", "bool", ()),
            ("next", "ids", ("N", 1)),
            *((f"{name}_next", kind, place) for name, kind, place in states),
            ("said", "ids", ("N", 1)),
        ],
        {},
    )
    true = main("Constant", value=helper.make_tensor("true", TensorProto.BOOL, (), [True]))
    said = main.several(4, "Loop", "sample_size", true, word, h, zero, body=body)[-1]
    main.named("ids", main("Transpose", main.squeeze(said, 2), perm=[1, 0]))
    inputs: list[Place] = [("xs", "ids", ("N", "T")), ("start_id", "ids", ())]
    inputs.append(("sample_size", "ids", ()))
    return main.done(inputs, [("ids", "ids", ("N", "sample_size"))], arrays)


def model_of(graph: Any) -> bytes:
    """A checked model, as bytes."""
    import onnx

    opset = onnx.helper.make_opsetid("", OPSET)
    made = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=IR)
    made.producer_name = "fastembed-layers"
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString())
