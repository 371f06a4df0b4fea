"""The contract of the book's layers on ours and on the slow twins, and what is ours alone."""

import pickle
import subprocess
import sys
from types import SimpleNamespace

import contract
import numpy as np
import pytest
from contract import ROWS, D, H, N, T, V, cell, gradients, normal, parts, weighted
from golden import names

from fastembed import (
    attention,
    functions,
    layers,
    models,
    optimizer,
    recurrent_layers,
    time_layers,
    trainer,
    util,
)
from fastembed.base_model import BaseModel
from fastembed.reference import layers as slow
from fastembed.reference import recurrent as slow_recurrent
from fastembed.reference import training as slow_training

OURS, SLOW = names(util, time_layers, attention, optimizer, trainer), names(slow, slow_training)
every_row = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


@every_row
def test_slow_twins(row):
    row.compare(row.seen(SLOW), row.seen(SLOW))


@every_row
def test_ours(row):
    row.compare(row.seen(OURS), row.seen(SLOW))


# ---- layers and optimizers beyond the book


def stacks(module):
    """Each class as a function of its parameters."""
    kinds = ("StackedRNN", "StackedGRU", "StackedLSTM")
    makers = {name: getattr(module, name).from_params for name in kinds}
    return SimpleNamespace(
        **{name: lambda *params, make=make: make(params) for name, make in makers.items()}
    )


def beyond(rng):
    """Name -> parameters, inputs: two levels of a stack; a GRU that resets after the product."""

    def levels(gates):
        first, second = cell(rng, gates), cell(rng, gates)
        return [*first, normal(rng, H, gates * H), *second[1:]]

    after = cell(rng, 3)[:2] + [normal(rng, 4 * H)]
    xs = normal(rng, N, T, D)
    return {
        "EmbeddingBag": ([normal(rng, V, D)], [rng.integers(-V, V, (90, T))]),
        "StackedRNN": (levels(1), [xs]),
        "StackedLSTM": (levels(4), [xs]),
        "StackedGRU": (after, [xs]),
    }


OF_LAYERS = [
    row
    for row in ROWS
    if row.name != "no_type_error_starts_inside[int32]"  # stacks of the twin compute in xs's dtype
    and row.name.split("[")[0]
    in (
        "every_layer_gives_the_same",
        "params_and_grads_keep_their_identity",
        "each_instance_has_its_own_writable_grads",
        "every_backward_overwrites_grads",
        "updates_in_place_are_seen_by_the_next_forward",
        "outputs_are_fresh_and_writable",
        "backward_may_be_called_twice",
        "the_last_forward_wins",
        "inputs_of_any_layout",
        "no_type_error_starts_inside",
    )
]


@pytest.mark.parametrize("row", OF_LAYERS, ids=[row.name for row in OF_LAYERS])
def test_layers_beyond_the_book(row, monkeypatch):
    monkeypatch.setattr(contract, "weighted", beyond)
    monkeypatch.setattr(contract, "others", lambda rng: {})
    found = row.seen(names(OURS, stacks(recurrent_layers)))
    row.compare(found, row.seen(names(SLOW, stacks(slow_recurrent))))


@pytest.mark.parametrize(
    "name", sorted({*optimizer.__all__} - {*contract.OPTIMIZERS, "np"}), ids=str
)
def test_optimizers_beyond_the_book(name):
    results = [
        [*contract.optimizers_update_in_place(module, np.random.default_rng(1), name)]
        for module in (optimizer, slow_training)
    ]
    for found, expected in zip(*results[0], *results[1], strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


def test_the_table_knows_when_something_differs():
    """A layer that keeps what it was given of a weight is seen by one row, and by that alone."""

    class Cached(layers.MatMul):
        def __init__(self, W):
            super().__init__(W)
            self.first = W.copy()

        def forward(self, x):
            super().forward(x)
            return x @ self.first

    failed = []
    for row in ROWS:
        if "in_place_are_seen" in row.name or "gives_the_same" in row.name:
            try:
                row.compare(
                    row.seen(names(time_layers, attention, SimpleNamespace(MatMul=Cached))),
                    row.seen(SLOW),
                )
            except AssertionError:
                failed.append(row.name)
    assert failed == ["updates_in_place_are_seen_by_the_next_forward"]


# ---- imports


@pytest.mark.parametrize("module", ["layers", "time_layers"])
def test_star_import_hands_on_np_functions_and_every_layer(module):
    found = {}
    exec(f"from fastembed.{module} import *", found)
    assert found["np"] is np
    assert found["softmax"] is functions.softmax and found["sigmoid"] is functions.sigmoid
    expected = set("MatMul Affine Softmax SoftmaxWithLoss Sigmoid SigmoidWithLoss".split())
    expected |= {"Dropout", "Embedding", "GPU"}
    if module == "time_layers":
        expected |= set("RNN TimeRNN LSTM TimeLSTM GRU TimeGRU TimeBiLSTM TimeEmbedding".split())
        expected |= set("TimeAffine TimeSoftmaxWithLoss TimeDropout TimeSigmoidWithLoss".split())
        expected |= {"Simple_TimeAffine", "Simple_TimeSoftmaxWithLoss"}
    assert expected <= set(found)


@pytest.mark.parametrize(
    "module",
    "np functions layers time_layers attention optimizer trainer util base_model config".split(),
)
def test_every_module_of_the_book_is_there(module):
    found = {}
    exec(f"from fastembed.{module} import *", found)
    assert "np" in found or module == "config"
    assert found.get("GPU", False) is False


def test_importing_consumes_no_random_numbers():
    code = (
        "import numpy as np; np.random.seed(1); state = np.random.get_state()[1].copy()\n"
        "from fastembed import models, trainer, util, attention\n"
        "from fastembed.time_layers import *\n"
        "assert (np.random.get_state()[1] == state).all()\n"
        "assert np.random.rand() == 0.417022004702574"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- what the slow twins cannot show


def test_tied_weights_stay_a_view(rng):
    model = models.BetterRnnlm(V, H, H, 0.5)
    assert model.params[-2].base is model.params[0]
    model.forward(rng.integers(0, V, (N, T)), rng.integers(0, V, (N, T)))
    model.backward()
    params, _ = trainer.remove_duplicate(model.params, model.grads)
    assert len(params) == len(model.params) - 1


def test_a_row_for_one_id_is_a_copy(rng):
    W = normal(rng, V, H)  # NumPy gives a view
    assert not np.may_share_memory(layers.Embedding(W).forward(3), W)


@pytest.mark.parametrize("name", ["TimeRNN", "TimeLSTM", "TimeGRU", "TimeEmbedding"])
def test_a_subclass_may_override_one_method(name, rng):
    fast, twin = getattr(time_layers, name), getattr(slow, name)
    given, inputs = weighted(rng)[name]
    cell = getattr(twin, "cell", None)
    forward_alone = type(name, (fast,), {"forward": twin.forward, "cell": cell})
    backward_alone = type(name, (fast,), {"backward": twin.backward, "_fill": slow._Layer._fill})
    expected = twin(*given)
    out = expected.forward(*inputs)
    douts = gradients(out)
    dxs = parts(expected.backward(*douts))
    for make in (fast, forward_alone, backward_alone):
        layer = make(*given)
        close(layer.forward(*inputs), out)
        for a, b in zip(
            [*parts(layer.backward(*douts)), *layer.grads], [*dxs, *expected.grads], strict=True
        ):
            close(a, b)
        if hasattr(expected, "dh"):
            close(layer.dh, expected.dh)
    if hasattr(expected, "dh"):  # with a gradient of the last state
        whole, by_step = fast(*given), forward_alone(*given)
        last = np.ones_like(whole.forward(*inputs)[:, -1])
        by_step.forward(*inputs)
        close(by_step.backward(*douts, last), whole.backward(*douts, last))


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("name", ["TimeSoftmaxWithLoss", "TimeSigmoidWithLoss", "TimeAttention"])
def test_a_subclass_of_a_layer_without_weights_may_override_one_method(name, method, rng):
    inputs = {
        "TimeSoftmaxWithLoss": [normal(rng, N, T, V), rng.integers(-1, V, (N, T))],
        "TimeSigmoidWithLoss": [normal(rng, N, T), rng.integers(0, 2, (N, T))],
        "TimeAttention": [normal(rng, N, T, H), normal(rng, N, 7, H)],
    }[name]
    fast, twin = getattr(OURS, name), getattr(slow, name)
    layer, expected = type("Mine", (fast,), {method: getattr(twin, method)})(), twin()
    out = expected.forward(*inputs)
    close(layer.forward(*inputs), out)
    douts = gradients(out) or [2.0]
    for a, b in zip(parts(layer.backward(*douts)), parts(expected.backward(*douts)), strict=True):
        close(a, b)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def test_eval_perplexity_catches_type_errors_of_the_model_alone(rng, capsys):
    calls = []

    class Model:
        def forward(self, xs, ts):
            calls.append(xs.dtype)
            return 1.0

    ppl = util.eval_perplexity(Model(), rng.integers(0, V, 200), 4, 7)
    assert abs(ppl - np.e) < 1e-12
    assert len(calls) == 199 // 28 and calls[0] == np.int32
    assert capsys.readouterr().out.startswith("evaluating perplexity ...\n\r0 / 7")


def test_parameters_are_pickled_as_float16_and_restored_in_place(rng, tmp_path):
    class Model(BaseModel):
        def __init__(self):
            self.params = [normal(rng, 3, 4), np.zeros(4, "f")]

    model, other = Model(), Model()
    kept = list(other.params)
    path = tmp_path / "Model.pkl"
    model.save_params(str(path))
    assert [p.dtype for p in pickle.loads(path.read_bytes())] == [np.float16, np.float16]
    other.load_params(str(path))
    for param, k, expected in zip(other.params, kept, model.params, strict=True):
        assert param is k and param.dtype == np.float32
        np.testing.assert_array_equal(param, expected.astype(np.float16).astype("f"))
