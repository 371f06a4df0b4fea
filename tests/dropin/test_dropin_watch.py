"""Real calls are compared with the user's own code: the first of a kind, then now and then."""

import copy
import dataclasses
import pickle
import warnings

import numpy as np
import pytest
from conftest import normal, stats, subject

from fastembed import dropin
from fastembed.dropin import patch, reporting, watch


@pytest.fixture
def fast(project, monkeypatch):
    """The user's layers, of which real calls are compared."""
    monkeypatch.undo()
    project.monkeypatch.syspath_prepend(str(project.folder))
    monkeypatch.setattr(watch, "SHARE", 0.0)
    return project.twins("layers", only=["MatMul", "TimeLSTM", "Embedding"])[1]


def vars_of(layer):
    return {name: len(value) for name, value in vars(layer).items() if isinstance(value, list)}


def step(layer, x):
    out = layer.forward(x)
    return out, layer.backward(out), layer.grads[0].copy()


def test_the_first_call_of_each_kind_is_compared(fast):
    layer = fast.MatMul(normal(300, 200))
    for rows in (50, 50, 50, 60, 50, 60):
        step(layer, normal(rows, 300))
    assert (stats("MatMul").calls, stats("MatMul").compared) == (6, 4)  # forward and backward
    assert reporting.complaints() == []


def test_later_calls_are_compared_as_time_allows(fast, monkeypatch):
    monkeypatch.setattr(watch, "SHARE", 1e9)
    layer = fast.MatMul(normal(300, 200))
    for _ in range(70):
        layer.forward(normal(50, 300))
    assert stats("MatMul").compared == 4  # the 1st, 4th, 16th and 64th


def test_many_kinds_are_compared_only_as_time_allows(fast):
    layer = fast.MatMul(normal(300, 200))
    for rows in range(50, 90):
        layer.forward(normal(rows, 300))
    assert stats("MatMul").compared == watch.KINDS


def test_ids_with_other_axes_are_compared_after_many_kinds(fast):
    layer = fast.Embedding(normal(60, 70))
    for k in range(watch.KINDS + 5):
        layer.forward(np.arange(40 + k))
    layer.forward(np.arange(60).reshape(3, 4, 5))
    layer.forward(np.arange(60).reshape(4, 3, 5))
    assert stats("Embedding").compared == watch.KINDS + 1


def test_every_call_is_compared_if_asked_for(fast, monkeypatch):
    monkeypatch.setattr(watch.clock, "always", True)
    layer = fast.MatMul(normal(300, 200))
    for _ in range(5):
        layer.forward(normal(50, 300))
    assert stats("MatMul").compared == 5


@pytest.mark.parametrize("where", ["forward", "backward", "attribute", "gradient", "argument"])
def test_a_difference_hands_the_class_back_for_good(fast, where, monkeypatch):
    layer = fast.MatMul(normal(300, 200))
    expected = plain_step(layer, normal(50, 300))
    own = subject("MatMul").patch

    def wrong(self, x):
        twin = self
        twin.x = x if where != "attribute" else 2 * x
        if where == "argument":
            x *= 2
        return x @ self.params[0] * (2 if where == "forward" else 1)

    def wrong_backward(self, dout):
        self.grads[0][...] = self.x.T @ dout * (2 if where == "gradient" else 1)
        return dout @ self.params[0].T * (2 if where == "backward" else 1)

    works = {"forward": wrong, "backward": wrong_backward}
    known = dataclasses.replace(own.known, works=works)
    other = patch.Patch(fast.MatMul, known, own.stats, own.reading)
    other.on_difference = own.on_difference
    own.undo()
    other.apply()
    told = []  # a filter that records warnings asks for more than the default
    monkeypatch.setattr(patch.warnings, "warn", lambda *args: told.append(args[:2]))
    found = step(layer, normal(50, 300))
    ((message, category),) = told
    assert message.startswith("fastembed hands MatMul back to its own code: at a real call")
    assert category is RuntimeWarning
    if where != "argument":  # ours has run on the user's own argument before
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    assert subject("MatMul").reason.startswith("at a real call")
    calls = stats("MatMul").calls
    step(layer, normal(60, 300))
    assert stats("MatMul").calls == calls and len(told) == 1


def plain_step(layer, x):
    dropin.uninstall()
    results = step(layer, x)
    dropin.install()
    return results


def test_results_of_a_compared_call_are_the_users_own(fast, project):
    args = normal(6, 20), normal(5, 20), normal(20)
    plain, _ = project.twins("layers", only=["TimeLSTM"])
    found = step(fast.TimeLSTM(*args), normal(3, 4, 6))
    expected = step(plain.TimeLSTM(*args), normal(3, 4, 6))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_output_changed_by_the_caller_is_no_difference(project, monkeypatch):
    monkeypatch.undo()
    project.monkeypatch.syspath_prepend(str(project.folder))
    _, fast = project.twins("layers", only=["Softmax"])
    layer = fast.Softmax()
    out = layer.forward(normal(900, 13))
    out *= 0.5
    layer.backward(normal(900, 13))
    assert subject("Softmax").reason is None


@pytest.mark.parametrize("where", [np.s_[:], np.s_[41, 117]], ids=["all", "one weight"])
def test_attributes_read_after_the_weights_changed_hand_the_class_back(project, where):
    _, fast = project.twins("layers", only=["TimeLSTM"])
    layer = fast.TimeLSTM(normal(60, 200), normal(50, 200), normal(200))
    layer.backward(layer.forward(normal(3, 4, 60)))
    layer.params[0][where] *= 2
    with pytest.warns(RuntimeWarning, match="after its weights or inputs had changed"):
        assert len(layer.layers) == 4
    assert "changed" in subject("TimeLSTM").reason


@pytest.mark.parametrize(
    ("changed", "trained"), [(False, False), (True, False), (True, True)], ids=str
)
def test_uninstall_tells_that_attributes_come_from_changed_weights(project, changed, trained):
    """If a backward may still come: after a step of training, none will."""
    _, fast = project.twins("layers", only=["TimeLSTM"])
    layer = fast.TimeLSTM(normal(6, 20), normal(5, 20), normal(20))
    out = layer.forward(normal(3, 4, 6))
    if trained:
        layer.backward(out)
    layer.params[0][...] *= 2 if changed else 1
    with warnings.catch_warnings(record=True) as told:
        dropin.uninstall()
    told = [str(each.message) for each in told]
    warned = changed and not trained
    assert ["of TimeLSTM have changed since" in text for text in told] == [True] * warned
    assert len(layer.layers) == 4


@pytest.mark.parametrize("trained", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("how", ["deepcopy", "pickle", "vars"])
def test_a_copy_tells_that_weights_have_changed(project, how, trained):
    """If it is made before backward: after that, nothing reads what cannot be made any more."""
    _, fast = project.twins("layers", only=["TimeLSTM"])
    layer = fast.TimeLSTM(normal(6, 20), normal(5, 20), normal(20))
    out = layer.forward(normal(3, 4, 6))
    if trained:
        layer.backward(out)
    layer.params[0][...] *= 2
    with warnings.catch_warnings(record=True) as told:
        {"deepcopy": copy.deepcopy, "pickle": pickle.dumps, "vars": vars_of}[how](layer)
    assert ["had changed" in str(each.message) for each in told] == [True] * (not trained)


def test_a_backward_that_falls_back_tells_that_weights_have_changed(project):
    _, fast = project.twins("layers", only=["TimeLSTM"])
    layer = fast.TimeLSTM(normal(6, 20), normal(5, 20), normal(20))
    out = layer.forward(normal(3, 4, 6))
    layer.params[0][...] *= 2
    with pytest.warns(RuntimeWarning, match="after its weights or inputs had changed"):
        layer.backward(out.astype(np.float16))


def test_a_layer_whose_backward_fell_back_twice_runs_its_own_code(project):
    _, fast = project.twins("layers", only=["TimeLSTM"])
    layer = fast.TimeLSTM(normal(6, 20), normal(5, 20), normal(20))
    for _ in range(5):
        layer.backward(layer.forward(normal(3, 4, 6)).astype(np.float16))
    assert stats("TimeLSTM").calls == 2
    assert stats("TimeLSTM").fallbacks["its backward fell back before"] == 3


def test_verify_compares_every_call_of_a_script(project):
    project.write("mine", project.classes("MatMul"))
    script = project.write(
        "script",
        "import numpy as np\nfrom mine import MatMul\n"
        "layer = MatMul(np.ones((200, 300), 'f'))\n"
        "for _ in range(7):\n    layer.forward(np.ones((100, 200), 'f'))\n",
    )
    done = project.run("--verify", "--report", script)
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "mine.MatMul " in line)
    assert line.split()[1] == "7" and line.endswith("7 compared")
