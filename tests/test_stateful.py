"""Layers, losses and optimizers in any order of use, against the slow ones that do the same.

``FASTEMBED_EXAMPLES=2000 pytest tests/test_stateful.py`` for longer.
"""

import copy
import os
import pickle

import numpy as np
import pytest
from helpers import lay, swapped
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fastembed import attention, layers, optimizer, recurrent_layers, time_layers
from fastembed.reference import layers as slow_layers
from fastembed.reference import recurrent as slow_recurrent
from fastembed.reference import training as slow_training

V, D, H = 7, 5, 4
# shapes of parameters, of inputs (N and T are drawn; V+ are ids, V- labels), whether it has a state
LAYERS = {
    "MatMul": (["DH"], ["ND"]),
    "Affine": (["DH", "H"], ["ND"]),
    "Softmax": ([], ["NV"]),
    "Sigmoid": ([], ["ND"]),
    "Embedding": (["VD"], ["NT+"]),
    "EmbeddingDot": (["VD"], ["ND", "N+"]),
    "SoftmaxWithLoss": ([], ["NV", "N-"]),
    "TimeEmbedding": (["VD"], ["NT+"]),
    "TimeAffine": (["DH", "H"], ["NTD"]),
    "TimeRNN": (["DH", "HH", "H"], ["NTD"]),
    "TimeLSTM": (["D4H", "H4H", "4H"], ["NTD"]),
    "TimeGRU": (["D3H", "H3H", "3H"], ["NTD"]),
    "TimeBiLSTM": (2 * ["D4H", "H4H", "4H"], ["NTD"]),
    "StackedGRU": (["D3H", "H3H", "4H", "H3H", "H3H", "4H"], ["NTD"]),
    "StackedLSTM": ([*2 * ["D4H", "H4H", "4H"], *2 * ["2H4H", "H4H", "4H"]], ["NTD"]),
    "TimeDropout": ([], ["NTD"]),
    "TimeSoftmaxWithLoss": ([], ["NTV", "NT-"]),
    "TimeSigmoidWithLoss": ([], ["NT", "NT%"]),
    "Attention": ([], ["NTH", "NH"]),
    "TimeAttention": ([], ["NTH", "NTH"]),
    "RNN": (["DH", "HH", "H"], ["ND", "NH"]),
    "LSTM": (["D4H", "H4H", "4H"], ["ND", "NH", "NH"]),
    "GRU": (["D3H", "H3H", "3H"], ["ND", "NH"]),
}
STATES = {"TimeRNN": ["NH"], "TimeGRU": ["NH"], "TimeLSTM": ["NH", "NH"]}
STATES |= {"StackedGRU": ["2-NH"], "StackedLSTM": ["4-NH", "4-NH"]}
STACKS = {"StackedGRU": {}, "StackedLSTM": {"bidirectional": True}}  # options
OPTIMIZERS = "SGD Momentum Nesterov AdaGrad RMSprop Adam".split()
LAYS = ["C", "F", "reversed", "swapped"]
EXAMPLES = int(os.environ.get("FASTEMBED_EXAMPLES", 15))


def shape(letters, sizes):
    axes, times = [], 1
    for letter in letters.rstrip("+-%"):
        if letter == "-":
            axes.append(times)
            times = 1
        elif letter.isdigit():
            times = int(letter)
        else:
            axes.append(times * sizes[letter])
            times = 1
    return tuple(axes)


def flat(value):
    if isinstance(value, tuple | list):
        return [part for item in value for part in flat(item)]
    return [] if value is None or isinstance(value, int) else [np.asarray(value)]


def same(mine, theirs, what):
    mine, theirs = flat(mine), flat(theirs)
    assert len(mine) == len(theirs), what
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4, err_msg=what)


class Pair(RuleBasedStateMachine):
    """Our object and the slow one; every rule does the same to both."""

    name = None
    made = 0

    @initialize(seed=st.integers(0, 99), stateful=st.booleans(), step=st.sampled_from(OPTIMIZERS))
    def make(self, seed, stateful, step):
        self.rng = np.random.default_rng(seed)
        self.sizes = dict(N=3, T=2, D=D, H=H, V=V)
        params = [self.floats(s) / 2 for s in LAYERS[self.name][0]]
        stacked = self.name in STACKS
        more = [stateful] if ("Time" in self.name or stacked) and len(params) > 2 else []
        self.pair = []
        ours = time_layers, recurrent_layers, attention, layers
        for modules in (ours, (slow_layers, slow_recurrent)):
            kind = next(getattr(m, self.name) for m in modules if hasattr(m, self.name))
            own = [p.copy() for p in params]
            if stacked:
                self.pair.append(kind.from_params(own, stateful=stateful, **STACKS[self.name]))
            else:
                self.pair.append(kind(*own, *more))
        self.stateful = stateful and bool(more)
        self.steps = [getattr(optimizer, step)(0.01), getattr(slow_training, step)(0.01)]
        self.out = None
        self.fresh = False

    def floats(self, letters):
        return self.rng.standard_normal(shape(letters, self.sizes)).astype("f")

    def both(self, act, what):
        """Do it to both with the same random numbers; results must agree, and so must gradients."""
        seed, results = int(self.rng.integers(1 << 30)), []
        for layer in self.pair:
            np.random.seed(seed)
            results.append(act(layer))
        same(*results, what)
        for kind in ("params", "grads"):
            same(*(getattr(layer, kind) for layer in self.pair), f"{kind} after {what}")
        return results

    @rule(N=st.integers(1, 4), T=st.integers(1, 3), keep=st.booleans(), how=st.sampled_from(LAYS))
    def forward(self, N, T, keep, how):
        if not (keep or self.stateful and self.sizes["N"] != N):
            self.sizes |= dict(N=N, T=T)
        given = []
        for letters in LAYERS[self.name][1]:
            if letters[-1] in "+-%":
                low, high = {"+": (-V, V), "-": (0, V), "%": (0, 2)}[letters[-1]]
                array = self.rng.integers(low, high, shape(letters, self.sizes))
            else:
                array = self.floats(letters)
            given.append(swapped(array) if how == "swapped" else lay(array, how))
        self.out = self.both(lambda layer: layer.forward(*given), "forward")[1]
        self.fresh = True

    @precondition(lambda self: self.out is not None)
    @rule(loss=st.sampled_from([1, 1.0, 0.5, 2]))
    def backward(self, loss):
        again = "TimeSoftmax" in self.name or self.name == "TimeSigmoidWithLoss"
        if again and not self.fresh or not getattr(self.pair[0], "train_flg", True):
            return  # works on what the first has returned; has dropped nothing
        self.fresh = False
        if np.ndim(self.out) == 0 and not isinstance(self.out, tuple):
            given = (loss,)
        else:
            outs = self.out if isinstance(self.out, tuple) else (self.out,)
            given = [self.rng.standard_normal(out.shape).astype("f") for out in outs]
        self.both(lambda layer: layer.backward(*given), "backward")
        if self.name in STATES:
            same(*(layer.dh for layer in self.pair), "dh")

    @precondition(lambda self: self.name in STATES)
    @rule(none=st.booleans())
    def set_state(self, none):
        state = [None if none else self.floats(letters) for letters in STATES[self.name]]
        self.both(lambda layer: layer.set_state(*state), "set_state")

    @precondition(lambda self: self.name in STATES)
    @rule()
    def reset_state(self):
        self.both(lambda layer: layer.reset_state(), "reset_state")

    @precondition(lambda self: self.name in STATES)
    @rule()
    def read_state(self):
        self.both(lambda layer: [layer.h, getattr(layer, "c", None)], "state")

    @rule()
    def update(self):
        for layer, step in zip(self.pair, self.steps, strict=True):
            step.update(layer.params, layer.grads)
        self.both(lambda layer: None, "update")

    @rule()
    def zero_gradients(self):
        self.both(lambda layer: [grad.fill(0) for grad in layer.grads][:0], "zeroed gradients")

    @rule()
    def change_parameters(self):
        noise = [self.rng.standard_normal(p.shape).astype("f") / 9 for p in self.pair[0].params]

        def add(layer):
            for param, part in zip(layer.params, noise, strict=True):
                param += part

        self.both(add, "parameters changed in place")

    @rule(how=st.sampled_from(["copy", "deepcopy", "pickle"]), which=st.integers(0, 1))
    def go_on_with_a_copy(self, how, which):
        """The copy, or the original while the copy lives; a shallow one shares its arrays."""
        if how == "copy":
            others = [copy.copy(layer) for layer in self.pair]
        elif how == "deepcopy":
            others = copy.deepcopy(self.pair)
        else:
            others = pickle.loads(pickle.dumps(self.pair))
        if which:
            self.kept, self.pair = self.pair, others
        else:
            self.kept = others

    @precondition(lambda self: self.name == "TimeDropout")
    @rule()
    def train_or_not(self):
        for layer in self.pair:
            layer.train_flg = not layer.train_flg
        self.out = None


@pytest.mark.parametrize("name", LAYERS)
def test_any_order(name):
    machine = type(name, (Pair,), {"name": name})
    case = machine.TestCase
    case.settings = settings(
        max_examples=EXAMPLES, stateful_step_count=25, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    case("runTest").runTest()
