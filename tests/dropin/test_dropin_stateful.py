"""Any order of what programs do with layers: the same numbers with us as without, at each moment.

A model of the user's lives twice, in a module that is never seen and in one that is: whatever
Hypothesis does, it does to both.
"""

import copy
import pickle
import warnings

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fastembed import dropin
from fastembed.dropin import hook, probe, site, watch

V, D, H, N = 11, 5, 6, 3
NAMES = ("TimeEmbedding", "TimeRNN", "TimeGRU", "TimeLSTM", "TimeAffine", "TimeSoftmaxWithLoss")
PARTS = ("embedding", "recurrent", "affine", "loss")
COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda layer: pickle.loads(pickle.dumps(layer)),
}
DUE = watch.Schedule.due  # the fixture puts another there
seeds = st.integers(0, 9)


def normal(*shape, seed):
    return 0.5 * np.random.default_rng(seed).standard_normal(shape).astype("f")


class Model:
    """Words, a recurrent layer, scores, and a loss."""

    def __init__(self, module, recurrent):
        gates = {"TimeRNN": 1, "TimeGRU": 3, "TimeLSTM": 4}[recurrent]
        width = gates * H
        self.recurrent = getattr(module, recurrent)(
            normal(D, width, seed=1), normal(H, width, seed=2), normal(width, seed=3), stateful=True
        )
        self.embedding = module.TimeEmbedding(normal(V, D, seed=4))
        self.affine = module.TimeAffine(normal(H, V, seed=5), normal(V, seed=6))
        self.loss = module.TimeSoftmaxWithLoss()

    def layers(self):
        return [getattr(self, name) for name in PARTS]

    def forward(self, xs, ts):
        hs = self.recurrent.forward(self.embedding.forward(xs))
        scores = self.affine.forward(hs)
        return [hs, scores, self.loss.forward(scores.copy(), ts)]

    def backward(self, scale):
        dscores = self.loss.backward(scale)
        dhs = self.affine.backward(dscores.copy())
        dxs = self.recurrent.backward(dhs)
        self.embedding.backward(dxs)
        return [dscores.copy(), dhs, dxs, self.recurrent.dh]


class Machine(RuleBasedStateMachine):
    def __init__(self, plain, fast, recurrent, optimizer):
        super().__init__()
        self.plain, self.fast = Model(plain, recurrent), Model(fast, recurrent)
        self.optimizers = getattr(plain, optimizer)(), getattr(fast, optimizer)()
        self.forwarded = self.stale = self.copied = False
        dropin.install()

    def both(self, work):
        expected, found = work(self.plain), work(self.fast)
        assert_alike(found, expected)

    @rule(how=st.sampled_from([None, None, "off", "on", "off and on"]))
    def turn(self, how):
        if how in ("off", "off and on"):
            self.uninstall()
            self.forwarded &= not self.stale  # a backward would follow the weights as they are now
        if how in ("on", "off and on"):
            dropin.install()

    @rule(seed=seeds, T=st.integers(1, 4))
    def forward(self, seed, T):
        rng = np.random.default_rng(seed)
        xs, ts = rng.integers(-V, V, (N, T)), rng.integers(-1, V, (N, T))
        ts[0, 0] = 1  # not all are ignored
        self.both(lambda model: model.forward(xs, ts))
        self.forwarded, self.stale, self.copied = True, False, False

    @rule(seed=seeds, T=st.integers(1, 4))
    def step(self, seed, T):
        self.forward(seed, T)
        self.backward(1)

    @precondition(lambda self: self.forwarded)
    @rule(scale=st.sampled_from([1, 0.5]))
    def backward(self, scale):
        self.both(lambda model: model.backward(scale))
        self.forwarded = False  # a second one would work on what the first has changed

    @rule(seed=seeds, strided=st.booleans())
    def set_state(self, seed, strided):
        h = normal(N, 2, H, seed=seed)[:, 1] if strided else normal(N, H, seed=seed)
        before = h.copy()
        self.both(lambda model: model.recurrent.set_state(h))
        assert np.array_equal(h, before)

    @rule()
    def reset_state(self):
        self.both(lambda model: model.recurrent.reset_state())

    @rule(lr=st.sampled_from([0.01, 0.1]))
    def update(self, lr):
        for model, optimizer in zip((self.plain, self.fast), self.optimizers, strict=True):
            optimizer.lr = lr
            parts = [(layer.params, layer.grads) for layer in model.layers()]
            optimizer.update(
                [p for params, _ in parts for p in params], [g for _, grads in parts for g in grads]
            )
        self.stale = True
        self.forwarded &= not self.copied  # a copy's backward would follow the weights of now

    @precondition(lambda self: not self.stale)
    @rule(how=st.sampled_from(sorted(COPIES)), name=st.sampled_from(PARTS))
    def replace(self, how, name):
        self.both(lambda model: setattr(model, name, COPIES[how](getattr(model, name))))
        self.copied = True

    @precondition(lambda self: self.forwarded and not self.stale)
    @rule()
    def look(self):
        self.both(lambda model: [len(model.recurrent.layers), *model.loss.cache[:3]])

    @invariant()
    def all_is_alike(self):
        for a, b in zip(self.plain.layers(), self.fast.layers(), strict=True):
            assert vars(a).keys() == vars(b).keys()
            for name in ("params", "grads"):
                assert_alike(getattr(b, name), getattr(a, name))
        for name in ("h", "c", "dh"):
            if name in vars(self.plain.recurrent):
                both = (getattr(model.recurrent, name) for model in (self.fast, self.plain))
                assert_alike(*both)
        for a, b in zip(self.plain.layers(), self.fast.layers(), strict=True):
            for mine, theirs in zip(b.params, a.params, strict=True):
                mine[...] = theirs  # rounding must not add up from step to step

    def uninstall(self):
        with warnings.catch_warnings(action="ignore"):  # of weights changed since a forward
            dropin.uninstall()

    def teardown(self):
        self.uninstall()
        assert not site.sites


def assert_alike(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_alike(a, b)
    elif isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        scale = np.abs(expected).max(initial=0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * scale)
    elif expected is not None:
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("recurrent", ["TimeRNN", "TimeGRU", "TimeLSTM"])
@pytest.mark.parametrize("compared", [False, True])
def test_any_order_of_calls(project, monkeypatch, recurrent, compared):
    text = project.source("layers") + project.source("training").replace("import numpy as np", "")
    optimizer = "SGD" if recurrent == "TimeRNN" else "Momentum"  # Adam would amplify rounding
    project.know(*NAMES, optimizer)
    plain, fast = (project.load(f"{name}_book", text) for name in ("plain", "fast"))
    seen = hook.is_users
    monkeypatch.setattr(hook, "is_users", lambda m: m is not plain and seen(m))
    monkeypatch.setattr(probe, "probe", lambda found: None)  # which other tests see pass
    if compared:
        monkeypatch.setattr(watch.Schedule, "due", DUE)
    run_state_machine_as_test(
        lambda: Machine(plain, fast, recurrent, optimizer),
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
