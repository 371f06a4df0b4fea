"""Patches in place: who gets them, when a call goes back, and that all is undone."""

import copy
import gc
import importlib
import linecache
import pickle
import signal
import subprocess
import sys
import types
import weakref

import numpy as np
import pytest
from conftest import normal, stats, subject

from fastembed import dropin
from fastembed._arrays import cast
from fastembed.dropin import probe, reporting, site
from fastembed.dropin.patch import REST
from fastembed.dropin.session import session

D, H, N, T, V = 6, 5, 3, 4, 13


def lstm(module, **options):
    return module.TimeLSTM(normal(D, 4 * H), normal(H, 4 * H), normal(4 * H), **options)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def functions_of(module):
    """Every function of a module and of its classes, with its code object."""
    found = {}
    for name, value in vars(module).items():
        if isinstance(value, types.FunctionType):
            found[name] = value, value.__code__
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for key, method in vars(value).items():
                if isinstance(method, types.FunctionType):
                    found[f"{name}.{key}"] = method, method.__code__
    return found


def assert_same_functions(before, after):
    assert before.keys() == after.keys()
    for name, (function, code) in before.items():
        assert after[name][0] is function, name
        assert after[name][1] is code, name


# ---- before and after


@pytest.mark.parametrize("name", ["layers", "training", "util"])
def test_uninstall_restores_identity_for_identity(project, name):
    module = project.load("mine", project.source(name))
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    before, attributes = functions_of(module), [dict(vars(cls)) for cls in classes]
    dropin.install()
    after = functions_of(module)
    assert any(
        after[key][0] is not before[key][0] or after[key][1] is not before[key][1] for key in before
    )
    dropin.uninstall()
    assert_same_functions(before, functions_of(module))
    assert [dict(vars(cls)) for cls in classes] == attributes


def test_install_twice_and_again(project):
    module = project.load("mine", project.source("layers"))
    original, code = module.MatMul.forward, module.MatMul.forward.__code__
    for _ in range(2):
        dropin.install()
        dropin.install()
        assert module.MatMul.forward is original and original.__code__ is not code
        dropin.uninstall()
        dropin.uninstall()
        assert module.MatMul.forward is original and original.__code__ is code


def test_an_instance_made_before_install(project):
    module = project.load("mine", project.source("layers"))
    xs, dhs = normal(N, T, D), normal(N, T, H)
    layer, other = lstm(module), lstm(module)
    expected = layer.forward(xs), layer.backward(dhs), layer.grads[0].copy()
    dropin.install()
    close(layer.forward(xs), expected[0])
    close(layer.backward(dhs), expected[1])
    close(layer.grads[0], expected[2])
    assert stats("TimeLSTM").calls == 1
    assert other.forward(xs).shape == (N, T, H)


def test_install_between_forward_and_backward(project):
    module = project.load("mine", project.source("layers"))
    xs, dhs = normal(N, T, D), normal(N, T, H)
    layer = lstm(module)
    layer.forward(xs)
    expected = layer.backward(dhs)
    layer.forward(xs)
    dropin.install()
    np.testing.assert_array_equal(layer.backward(dhs), expected)
    assert reporting.complaints() == []


def test_uninstall_between_forward_and_backward(project):
    plain, fast = project.twins("layers", only=["TimeLSTM"])
    xs, dhs = normal(N, T, D), normal(N, T, H)
    expected, layer = lstm(plain, stateful=True), lstm(fast, stateful=True)
    for one in (expected, layer):
        one.forward(xs)
        one.forward(xs)
    dropin.uninstall()
    close(layer.h, expected.h)
    close(layer.backward(dhs), expected.backward(dhs))
    close(layer.grads[1], expected.grads[1])
    close(layer.dh, expected.dh)
    close(layer.forward(xs), expected.forward(xs))


def test_uninstall_leaves_what_the_user_put_there(project):
    _, fast = project.twins("layers", only=["MatMul"])

    def forward(self, x):
        return x

    fast.MatMul.forward = forward
    dropin.uninstall()
    assert fast.MatMul.forward is forward
    assert not site.is_body(fast.MatMul.backward.__code__) and not site.sites


def test_uninstall_undoes_the_rest_after_an_error(project, monkeypatch):
    _, fast = project.twins("layers", only=["MatMul", "TimeLSTM"])

    def undo():
        raise RuntimeError("mine")

    last = list(session.subjects.values())[-1]
    monkeypatch.setattr(last.patch, "undo", undo)
    with pytest.raises(RuntimeError, match="mine"):
        dropin.uninstall()
    assert not site.sites and not session.subjects
    for cls in (fast.MatMul, fast.TimeLSTM):
        assert not site.is_body(cls.forward.__code__)


def test_an_interrupted_probe_leaves_the_class_alone(project, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastembed.dropin.probe.probe", interrupt)
    _, fast = project.twins("layers", only=["MatMul"])
    with pytest.raises(KeyboardInterrupt):
        fast.MatMul(normal(300, 200)).forward(normal(50, 300))
    assert not site.is_body(fast.MatMul.forward.__code__)
    assert [s.reason for s in session.subjects.values()] == ["looking at it was interrupted"]


@pytest.mark.parametrize("compared", [False, True])
def test_what_a_signal_handler_raises_meanwhile_is_raised(project, monkeypatch, compared):
    class Late(ValueError):
        pass

    def handler(*_):
        raise Late

    def interrupted(*given):
        signal.raise_signal(signal.SIGINT)
        return cast(*given)

    plain, fast = project.twins("layers", only=["TimeLSTM"])
    layer, twin, xs = lstm(fast), lstm(plain), normal(20, T, D)
    hs = layer.forward(xs)
    before = signal.signal(signal.SIGINT, handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr("fastembed.time_layers.cast", interrupted)
            with pytest.raises(Late):
                layer.backward(hs)
            patch.setattr("fastembed.dropin.watch.Schedule.due", lambda *_: compared)
            with pytest.raises(Late):
                layer.forward(xs)
    finally:
        signal.signal(signal.SIGINT, before)
    twin.forward(xs)
    close(layer.backward(hs), twin.backward(hs))
    assert stats("TimeLSTM").calls == 1 and not stats("TimeLSTM").fallbacks


# ---- subclasses


def test_a_subclass_that_changes_nothing_is_accelerated(project):
    _, fast = project.twins("layers", only=["TimeLSTM"])
    Sub = type("Sub", (fast.TimeLSTM,), {"describe": lambda self: "mine"})
    layer = Sub(normal(D, 4 * H), normal(H, 4 * H), normal(4 * H))
    layer.backward(np.ones_like(layer.forward(normal(N, T, D))))
    assert stats("TimeLSTM").calls == 1
    assert reporting.complaints() == []


@pytest.mark.parametrize("overridden", ["forward", "backward"])
def test_a_subclass_that_overrides_one_gets_the_original_of_the_other(project, overridden):
    plain, fast = project.twins("layers", only=["TimeLSTM"])

    def subclass(base):
        def forward(self, xs):
            out = base.forward(self, xs)
            assert len(self.layers) == xs.shape[1]  # the steps are there, as ever
            return 2 * out

        def backward(self, dhs):
            last = self.layers[-1].cache  # what the original forward left
            assert len(last) == 8
            return base.backward(self, 2 * dhs)

        return type("Sub", (base,), {overridden: locals()[overridden]})

    args = normal(D, 4 * H), normal(H, 4 * H), normal(4 * H)
    expected, layer = subclass(plain.TimeLSTM)(*args), subclass(fast.TimeLSTM)(*args)
    xs, dhs = normal(N, T, D), normal(N, T, H)
    np.testing.assert_array_equal(layer.forward(xs), expected.forward(xs))
    np.testing.assert_array_equal(layer.backward(dhs), expected.backward(dhs))
    assert stats("TimeLSTM").calls == 0
    assert f"Sub has a {overridden} of its own" in str(stats("TimeLSTM").fallbacks)


def test_a_subclass_in_the_same_module_that_changes_the_cell(project):
    """In the reference layers TimeGRU is TimeRNN with another cell: each is probed by itself."""
    plain, fast = project.twins("layers", only=["TimeRNN", "TimeGRU"])
    args = normal(D, 3 * H), normal(H, 3 * H), normal(3 * H)
    close(
        fast.TimeGRU(*args).forward(normal(N, T, D)), plain.TimeGRU(*args).forward(normal(N, T, D))
    )
    assert stats("TimeGRU").calls == 1 and stats("TimeRNN").calls == 0


def test_a_subclass_with_another_setting_gets_the_original(project):
    plain, fast = project.twins("layers", only=["TimeRNN"])

    def forward(self, x, h):
        return np.tanh(2 * (x @ self.params[0] + h @ self.params[1]))

    def subclass(module):
        cell = type("Cell", (module.RNN,), {"forward": forward})
        return type("Steep", (module.TimeRNN,), {"cell": cell})

    args, xs = (normal(D, H), normal(H, H), normal(H)), normal(N, T, D)
    expected = subclass(plain)(*args).forward(xs)
    np.testing.assert_array_equal(subclass(fast)(*args).forward(xs), expected)
    assert "Steep has a cell of its own" in str(stats("TimeRNN").fallbacks)


def test_a_method_on_the_instance_gets_the_original(project):
    plain, fast = project.twins("layers", only=["MatMul"])
    layer = fast.MatMul(normal(300, 200))
    layer.backward = lambda dout: "mine"
    x = normal(50, 300)
    np.testing.assert_array_equal(layer.forward(x), plain.MatMul(normal(300, 200)).forward(x))
    assert layer.backward(None) == "mine"


# ---- calls that go back


def test_every_call_decides_for_itself(project):
    plain, fast = project.twins("layers", only=["TimeLSTM"])
    expected, layer = lstm(plain, stateful=True), lstm(fast, stateful=True)
    for xs in (normal(N, T, D), normal(N, T, D).astype(float), normal(N, T, D)):
        close(layer.forward(xs), expected.forward(xs))
        close(layer.backward(np.ones((N, T, H), "f")), expected.backward(np.ones((N, T, H), "f")))
        close(layer.grads[0], expected.grads[0])
        close(layer.dh, expected.dh)
    # the state of a float64 call is float64, and so sends the next one back too
    assert stats("TimeLSTM").calls == 1
    assert dict(stats("TimeLSTM").fallbacks) == {"xs is float64": 1, "h is float64": 1}


def test_a_gradient_that_does_not_fit_gets_the_original_backward(project):
    plain, fast = project.twins("layers", only=["TimeLSTM"])
    expected, layer = lstm(plain, stateful=True), lstm(fast, stateful=True)
    xs, dhs = normal(N, T, D), normal(N, T, H).astype(np.float16)
    for one in (expected, layer):
        one.forward(xs)
        one.forward(xs)
    close(layer.backward(dhs), expected.backward(dhs))
    close(layer.grads[2], expected.grads[2])
    assert layer.dh.dtype == expected.dh.dtype
    close(layer.h, expected.h)
    assert "in backward, dhs is float16" in stats("TimeLSTM").fallbacks


def test_a_second_backward_that_does_not_fit_sees_the_changed_cache(project):
    plain, fast = project.twins("layers", only=["TimeSoftmaxWithLoss"])
    xs, ts = normal(N, T, V), np.arange(N * T).reshape(N, T)
    results = []
    for module in (plain, fast):
        layer = module.TimeSoftmaxWithLoss()
        layer.forward(xs, ts)
        layer.backward()
        results.append(layer.backward(np.array(0.5)).copy())
    close(*results)
    assert stats("TimeSoftmaxWithLoss").fallbacks


def test_a_replay_draws_the_same_random_numbers_again(project):
    plain, fast = project.twins("layers", only=["NegativeSamplingLoss"])
    results = []
    for module in (plain, fast):
        np.random.seed(9)
        loss = module.NegativeSamplingLoss(normal(V, D), np.arange(V), sample_size=3)
        loss.forward(normal(20, D), np.arange(20) % V)
        np.random.rand()
        dh = loss.backward(np.array([1.0]))
        results.append([dh, *loss.grads, np.random.rand()])
    for a, b in zip(*results, strict=True):
        close(a, b)
    assert stats("NegativeSamplingLoss").fallbacks


def test_other_arrays_get_the_original(project):
    """Arrays of another library (cupy's, say) are not ndarrays."""
    plain, fast = project.twins("layers", only=["MatMul"])

    class Other(np.ndarray):
        pass

    x = normal(200, 300).view(Other)
    out = fast.MatMul(normal(300, 200)).forward(x)
    assert type(out) is type(plain.MatMul(normal(300, 200)).forward(x)) is Other
    assert stats("MatMul").fallbacks == {"x is a Other, not a numpy.ndarray": 1}


def test_a_switch_in_the_module_sends_calls_back(project):
    text = project.source(
        "layers", ("", "import numpy as np\n", "import numpy as np\n\nGPU = False\n")
    ).replace("np.add.at(dW, self.idx, dout)", "np.add.at(dW, self.idx, dout if not GPU else 0)")
    dropin.install()
    module = project.load("mine", text)
    layer = module.Embedding(normal(V, D))
    layer.forward(np.array([1, 2]))
    module.GPU = True
    layer.forward(np.array([1, 2]))
    layer.backward(np.ones((2, D), "f"))
    assert not layer.grads[0].any()
    assert stats("Embedding").calls == 1
    assert any(reason.startswith("GPU is no longer") for reason in stats("Embedding").fallbacks)


def test_small_calls_run_the_original_and_are_no_fallback(project):
    plain, fast = project.twins("layers", only=["MatMul"])
    x = normal(2, 3)
    layer = fast.MatMul(normal(3, 2))
    np.testing.assert_array_equal(layer.forward(x), plain.MatMul(normal(3, 2)).forward(x))
    layer.backward(normal(2, 2))
    assert (stats("MatMul").calls, stats("MatMul").small) == (0, 1)
    assert reporting.complaints() == []


def test_many_small_calls_are_not_looked_at_but_a_large_one_is_seen_soon(project):
    _, fast = project.twins("layers", only=["MatMul"])
    small, large = fast.MatMul(normal(3, 2)), fast.MatMul(normal(300, 200))
    for _ in range(REST + 10):
        small.backward(small.forward(normal(4, 3)))
    assert f" {REST + 10} small calls" in reporting.text()
    for _ in range(REST):  # the first of them are its own code's
        out = large.forward(normal(50, 300))
        close(out, normal(50, 300) @ large.params[0])
        close(large.backward(out), out @ large.params[0].T)
    assert stats("MatMul").calls == 10
    for _ in range(3 * REST):  # while an object has a forward of ours, all are looked at
        small.backward(small.forward(normal(4, 3)))
    large.backward(large.forward(normal(50, 300)))
    assert stats("MatMul").calls == 11


def test_a_class_with_the_attributes_of_a_known_one_but_no_parameters(project):
    dropin.install()
    module = project.load(
        "mine",
        "class Double:\n"
        "    def __init__(self):\n        self.params, self.grads, self.x = [], [], None\n"
        "    def forward(self, x):\n        self.x = x\n        return 2 * x\n"
        "    def backward(self, dout):\n        return 2 * dout\n",
    )
    layer, x = module.Double(), normal(4, 3)
    np.testing.assert_array_equal(layer.forward(x), 2 * x)
    np.testing.assert_array_equal(layer.backward(x), 2 * x)


def test_wrong_arguments_raise_what_they_raised(project):
    plain, fast = project.twins("layers", only=["TimeLSTM"])
    for call in (
        lambda layer: layer.forward(),
        lambda layer: layer.forward(1, 2, 3),
        lambda layer: layer.forward(ys=1),
        lambda layer: layer.forward(np.zeros((2, 2), "f")),
        lambda layer: layer.backward(np.zeros((1, 1), "f")),
    ):
        with pytest.raises(Exception) as expected:
            call(lstm(plain))
        with pytest.raises(expected.type) as found:
            call(lstm(fast))
        assert str(found.value) == str(expected.value)


def test_keywords_are_understood(project):
    _, fast = project.twins("layers", only=["TimeLSTM", "TimeSoftmaxWithLoss"])
    layer = lstm(fast)
    hs = layer.forward(xs=normal(N, T, D))
    layer.backward(dhs=hs)
    loss = fast.TimeSoftmaxWithLoss()
    loss.forward(ts=np.zeros((N, T), int), xs=normal(N, T, V))
    loss.backward(dout=1)
    assert reporting.complaints() == []
    assert stats("TimeLSTM").calls == stats("TimeSoftmaxWithLoss").calls == 1


def test_a_loss_whose_probability_underflows_is_infinite_as_before(project):
    plain, fast = project.twins("layers", only=["TimeSoftmaxWithLoss"])
    xs = normal(N, T, V)
    xs[1, 2, 3] = 300
    ts = np.zeros((N, T), int)
    with np.errstate(divide="ignore"):
        assert plain.TimeSoftmaxWithLoss().forward(xs, ts) == np.inf
    assert fast.TimeSoftmaxWithLoss().forward(xs, ts) == np.inf
    xs[1, 2, 3] = 60
    close(fast.TimeSoftmaxWithLoss().forward(xs, ts), plain.TimeSoftmaxWithLoss().forward(xs, ts))


# ---- objects


def test_nothing_of_ours_is_on_the_users_objects(project):
    plain, fast = project.twins("layers", only=["TimeSoftmaxWithLoss"])
    for make in (lstm, lambda module: module.TimeSoftmaxWithLoss()):
        expected, layer = make(plain), make(fast)
        inputs = (normal(N, T, D),) if make is lstm else (normal(N, T, V), np.zeros((N, T), int))
        for one in (expected, layer):
            out = one.forward(*inputs)
            one.backward(*([out] if make is lstm else []))
        assert vars(layer).keys() == vars(expected).keys()


def test_twins_die_with_their_objects(project):
    _, fast = project.twins("layers", only=["TimeLSTM"])
    layer = lstm(fast)
    layer.forward(normal(N, T, D))
    states = subject("TimeLSTM").patch.states
    (state,) = states.values()
    gone = weakref.ref(layer), weakref.ref(state.twin)
    del layer, state
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert not states


def test_a_pickle_is_loaded_without_fastembed(project, tmp_path):
    _, fast = project.twins("layers", only=["TimeLSTM"])
    layer = lstm(fast, stateful=True)
    layer.backward(layer.forward(normal(N, T, D)))
    again = pickle.loads(pickle.dumps(layer))
    assert type(again) is fast.TimeLSTM
    close(again.forward(normal(N, T, D)), layer.forward(normal(N, T, D)))
    (tmp_path / "layer.pkl").write_bytes(pickle.dumps(layer))
    script = (
        "import pickle, sys, numpy as np\n"
        "sys.modules['fastembed'] = None\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "layer = pickle.load(open('layer.pkl', 'rb'))\n"
        f"hs = layer.forward(np.zeros(({N}, {T}, {D}), 'f'))\n"
        "layer.backward(hs)\n"
        "print(hs.shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (f"({N}, {T}, {H})\n", "")


def test_copies_go_their_own_ways(project):
    _, fast = project.twins("layers", only=["TimeLSTM"])
    layer = lstm(fast, stateful=True)
    layer.forward(normal(N, T, D))
    other = copy.deepcopy(layer)
    h = layer.h.copy()
    other.backward(other.forward(normal(N, T, D, seed=5)))
    np.testing.assert_array_equal(layer.h, h)
    assert not layer.grads[0].any() and other.grads[0].any()


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_class_whose_objects_were_copied_before(project, how):
    module = project.load("mine", project.source("layers"))
    how(lstm(module))  # which leaves a mark on the class
    dropin.install()
    lstm(module).forward(normal(N, T, D))
    assert stats("TimeLSTM").calls == 1


# ---- modules


def test_two_modules_with_the_same_class_name(project):
    text = project.source("layers")
    dropin.install()
    one = project.load("one", text)
    other = project.load(
        "other",
        project.source("layers", ("Softmax", "self.out = softmax(x)", "self.out = 2 * softmax(x)")),
    )
    x = normal(700, V)
    close(one.Softmax().forward(x).sum(axis=1), 1)
    close(other.Softmax().forward(x).sum(axis=1), 2)
    reasons = {s.where: s.reason for s in session.subjects.values()}
    assert reasons["one.Softmax"] is None and reasons["other.Softmax"]
    lstm(one).forward(normal(N, T, D))
    lstm(other).forward(normal(N, T, D))
    calls = {s.where: s.stats.calls for s in session.subjects.values()}
    assert calls["one.TimeLSTM"] == calls["other.TimeLSTM"] == 1


def test_reload(project):
    text = project.source("layers")
    dropin.install()
    module = project.load("mine", text)
    old = lstm(module)
    old.forward(normal(N, T, D))
    changed = text.replace("return np.dot(x, self.params[0])", "return -np.dot(x, self.params[0])")
    project.write("mine", changed + "\n# another length\n")
    module = importlib.reload(module)
    x = normal(300, 200)
    np.testing.assert_array_equal(module.MatMul(normal(200, 300)).forward(x), -x @ normal(200, 300))
    lstm(module).forward(normal(N, T, D))
    # an instance made before would meet the new module's cells: it gets its own methods
    old.backward(old.forward(normal(N, T, D)))
    before, after = [s.stats for s in session.subjects.values() if s.where == "mine.TimeLSTM"]
    assert (before.calls, after.calls) == (1, 1)
    assert list(before.fallbacks)[0].startswith("LSTM is no longer")


def test_a_star_import_made_before_install_holds_the_same_function(project):
    project.load("mytraining", project.source("training"))
    user = project.load("user", "from mytraining import *\n")
    dropin.install()
    grads = [normal(80, 70)]
    expected = grads[0] * 0.25 / np.linalg.norm(grads[0])
    user.clip_grads(grads, 0.25)
    close(grads[0], expected)
    assert stats("clip_grads").calls == 1
    code = user.clip_grads.__code__
    assert code.co_name == "clip_grads" and code.co_filename.endswith("mytraining.py")
    dropin.uninstall()
    user.clip_grads([normal(80, 70)], 0.25)
    assert user.clip_grads.__code__ is not code


def test_verbose_ppmi_prints_as_it_did(project, capsys):
    _, fast = project.twins("util")
    counts = fast.create_co_matrix(np.arange(V), V)
    quiet = fast.ppmi(counts)
    assert capsys.readouterr().out == ""
    close(fast.ppmi(counts, verbose=True), quiet)
    assert capsys.readouterr().out.startswith("0 0\n0 1\n")
    assert "verbose" in str(stats("ppmi").fallbacks)


def test_a_row_that_another_row_makes_up_for_is_not_read_again(project, monkeypatch):
    """The probe of one row may end with an unbound variable, and that of the next agree."""
    errors, real = [UnboundLocalError("b")], probe.probe
    monkeypatch.setattr(probe, "probe", lambda found: _raise(errors) or real(found))
    project.know("Embedding")
    dropin.install()
    module = project.load("mine", project.classes("Embedding"))
    module.Embedding(normal(V, D)).forward(np.arange(V))
    assert not errors and subject("Embedding").reason is None
    used = subject("Embedding").patch
    session.consider([])
    assert subject("Embedding").patch is used


def _raise(errors):
    if errors:
        raise errors.pop()


def test_libraries_are_none_of_our_business(project):
    from fastembed import layers, reference
    from fastembed.reference import layers as slow

    own = layers.MatMul.forward, slow.MatMul.forward, reference.gather
    dropin.install()
    assert own == (layers.MatMul.forward, slow.MatMul.forward, reference.gather)


def test_a_module_that_fails_fails_as_before(project):
    dropin.install()
    project.write("broken", "x = 1\nraise KeyError('mine')\n")
    with pytest.raises(KeyError) as caught:
        project.load("broken")
    files = []
    trace = caught.tb
    while trace is not None:
        files.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    assert files[-1].endswith("broken.py")
    assert not any(
        "dropin" in file and "fastembed" in file and "tests" not in file for file in files
    )
    assert "broken" not in sys.modules


# ---- report


def test_report_tells_calls_time_and_fallbacks(project, capsys):
    _, fast = project.twins("layers", only=["TimeLSTM", "MatMul"])
    layer = lstm(fast)
    for dtype in ("f", "f", "d"):
        layer.forward(normal(N, T, D).astype(dtype))
    dropin.report()
    out = capsys.readouterr().out
    (line,) = (line for line in out.splitlines() if line.strip().startswith("my_layers.TimeLSTM"))
    assert line.split()[1:] == ["2", f"{stats('TimeLSTM').seconds:.3f}"]
    assert stats("TimeLSTM").seconds > 0
    assert "fell back: my_layers.TimeLSTM, 1 calls: xs is float64" in out
    assert "accelerated, not called: my_layers.MatMul\n" in out
    assert reporting.complaints() == ["my_layers.TimeLSTM fell back in 1 calls: xs is float64"]


# ---- notebooks


class Shell:
    """As much of IPython's shell as the extension uses."""

    def __init__(self):
        self.user_ns, self.callbacks, self.cells = {"__name__": "__main__"}, [], []
        self.events = self

    def register(self, event, callback):
        assert event == "post_run_cell"
        self.callbacks.append(callback)

    def unregister(self, event, callback):
        self.callbacks.remove(callback)

    def run_cell(self, text):
        name = f"<cell {len(self.cells)}>"
        self.cells.append(name)
        linecache.cache[name] = len(text), None, text.splitlines(True), name  # as IPython does
        exec(compile(text, name, "exec"), self.user_ns)
        for callback in list(self.callbacks):
            callback(object())


def test_classes_of_notebook_cells(project):
    import fastembed

    shell = Shell()
    shell.run_cell(project.source("layers"))
    shell.user_ns["D"] = lstm(types.SimpleNamespace(**shell.user_ns))
    fastembed.load_ipython_extension(shell)
    shell.user_ns["D"].forward(normal(N, T, D))
    assert stats("TimeLSTM").calls == 1
    shell.run_cell(
        "class MatMul(_Layer):\n"
        + project.source("layers").split("class MatMul(_Layer):")[1].split("class Affine")[0]
    )
    old = [s for s in session.subjects.values() if s.where == "__main__.MatMul"]
    assert len(old) == 2 and all(s.reason is None for s in old)
    shell.user_ns["MatMul"](normal(300, 200)).forward(normal(100, 300))
    assert [s.stats.calls for s in old] == [0, 1]
    fastembed.unload_ipython_extension(shell)
    assert shell.callbacks == []
    assert not site.is_body(shell.user_ns["MatMul"].forward.__code__)
