"""Side-by-side probes: the user's own code, and the same with ours inside, on small inputs."""

import contextlib
import ctypes
import inspect
import io
import random
import threading
import types
import warnings

import numpy as np

from fastembed.dropin import patch
from fastembed.dropin.scenarios import FUNCTION_SCENARIOS, LAYER_SCENARIOS, Run, Stop
from fastembed.dropin.watch import PLAIN, own_attributes

SECONDS = 5.0  # for the user's code in one probe
RAISES = "raises"
RTOL = 2e-5  # of the largest entry; float32 sums in another order stay well below


class TooLong(BaseException):
    """The user's code did not come back in time."""


def probe_class(cls, known):
    """Try ours in the user's class.

    Returns
    -------
    reason : str or None
        Why cls must be left alone; None if ours does the same.
    settings : watch.Settings
        What the instances were like.

    Raises
    ------
    NameError
        If cls leans on a name that its module does not have (yet).
    """
    for name in known.methods:
        if not isinstance(inspect.getattr_static(cls, name, None), types.FunctionType):
            return f"it has no method {name} that could be replaced", None
    reason = _constructor(cls, known) or _sets_more(cls, known) or patch.reader(cls, known)
    if reason:
        return reason, None
    trial = types.new_class(cls.__name__, (cls,), {}, lambda space: space.update(_like(cls)))
    stats = patch.Stats()
    trial_patch = patch.MethodsPatch(trial, known, stats)
    trial_patch.apply()
    reason = _compare(LAYER_SCENARIOS[known.name], cls, trial, stats, lambda: _defaults(cls, known))
    return reason, trial_patch.settings


def probe_function(function, known):
    """The reason why function must be left alone; None if ours does the same."""
    if function.__closure__:
        return "it is defined inside another function"
    stats = patch.Stats()
    trial = patch.FunctionPatch(function, known, stats, trial=True)
    return _compare(FUNCTION_SCENARIOS[known.name], function, trial.call, stats)


def _like(cls):
    return {"__module__": cls.__module__, "__qualname__": cls.__qualname__}


def _constructor(cls, known):
    """The reason why objects are not made as the book's are."""
    try:
        given = list(inspect.signature(cls.__init__).parameters.values())[1:]
    except (TypeError, ValueError):
        return "its constructor has no signature"
    book = inspect.signature(eval(f"lambda {known.constructor}: 0")).parameters.values()
    if [_slot(p) for p in given] != [_slot(p) for p in book]:
        return f"its constructor takes ({_text(given)}), the book's ({known.constructor})"
    return None


def _sets_more(cls, known):
    """The reason why ours would leave an attribute as it was that cls changes."""
    read, written = own_attributes(cls, known.methods)
    for name in sorted(written - known.attributes):
        if not name.startswith("_"):
            return f"it sets the attribute {name}, which fastembed does not"
    first, _ = own_attributes(cls, known.methods[:1])
    for name in sorted(first & written - known.attributes):
        return f"it keeps a state of its own in the attribute {name}"
    return None


def _defaults(cls, known):
    """The reason why a newly made object is not what the book's is; None if it needs arguments."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    if any(p.default is p.empty for p in list(parameters)[1:]):
        return None
    own, ours = cls(), known.ours()()
    for name in known.reads:
        value, expected = getattr(own, name, None), getattr(ours, name)
        if isinstance(expected, PLAIN) and value != expected:
            return f"a new one has {name} = {value!r}, the book's {expected!r}"
    return None


def _slot(parameter):
    return parameter.kind, parameter.default


def _text(parameters):
    return ", ".join(str(p.replace(annotation=inspect.Parameter.empty)) for p in parameters)


def _compare(scenarios, subject, trial, stats, first=lambda: None):
    """The first scenario in which subject and trial differ, in words; None if there is none."""

    def user_code():
        return first() or [_record(scenario, subject) for scenario in scenarios]

    with _quiet():
        with patch.originals:
            expected = _in_time(user_code)
        if expected is None:
            return f"its own code did not end within {SECONDS:.0f} s"
        if isinstance(expected, str):
            return expected
        for scenario, rows in zip(scenarios, expected, strict=True):
            what, value = rows[-1]
            if scenario.accelerated and what.endswith(RAISES):
                return f"{scenario.title}: {what} {value}"
            stats.fallbacks.clear()
            reason = difference(rows, _record(scenario, trial))
            if reason is None and scenario.accelerated:
                reason = next(iter(stats.fallbacks), None)
            if reason is not None:
                return f"{scenario.title}: {reason}"
    return None


def _record(scenario, subject):
    """What a scenario sees; the random stream's next number is part of it."""
    run = Run(subject)
    np.random.seed(11)
    try:
        scenario.work(run)
    except Stop as stop:
        if isinstance(stop.__cause__, NameError):
            raise stop.__cause__ from None
        return run.rows
    except NameError:
        raise
    except Exception as error:  # outside of a call: the constructor, an attribute
        run.see(f"it {RAISES}", f"{type(error).__name__}: {error}")
        return run.rows
    run.see("the next random number", np.random.random_sample())
    return run.rows


def difference(expected, found):
    """How what was found differs from what was expected, in words; None if it does not."""
    for (what, value), (other, new) in zip(expected, found, strict=False):
        if what != other:
            return f"the original gets to '{what}', fastembed's to '{other}'"
        reason = _unlike(value, new)
        if reason:
            if value is None and what.startswith("argument"):
                return f"{what} would be changed"
            if new is None and what.startswith("argument"):
                return f"{what} is changed"
            return f"{what}: {reason}"
    if len(expected) != len(found):
        return "one of the two stops early"
    return None


def _unlike(a, b):
    """How two recorded values differ, the original's first; None if they are alike."""
    if type(a) is not type(b):
        return f"{_name(a)} here, {_name(b)} from fastembed"
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return f"{len(a)} here, {len(b)} from fastembed"
        return next(filter(None, map(_unlike, a, b)), None)
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return f"{_name(a)} here, {_name(b)} from fastembed"
        return _first_apart(a, b)
    if isinstance(a, (float, np.floating)):
        return _first_apart(np.asarray(a), np.asarray(b))
    return None if a == b else f"{a!r} here, {b!r} from fastembed"


def _first_apart(a, b):
    apart = a != b
    if not apart.any():
        return None
    if a.dtype.kind == "f":
        finite = np.abs(a[np.isfinite(a)], dtype=np.float64)
        scale = finite.max() if finite.size else 0.0
        apart &= ~(np.abs(b - a) <= RTOL * scale) & ~(np.isnan(a) & np.isnan(b))
        if not apart.any():
            return None
    where = tuple(int(k) for k in np.argwhere(apart)[0])
    at = f" at {list(where)}" if where else ""
    return f"{a[where]:.6g} here, {b[where]:.6g} from fastembed{at}"


def _name(value):
    if isinstance(value, np.ndarray):
        kind = "" if type(value) is np.ndarray else f"a {type(value).__name__}, "
        return f"{kind}{value.dtype} of shape {value.shape}"
    return "None" if value is None else f"a {type(value).__name__}"


@contextlib.contextmanager
def _quiet():
    """No output, no warnings, and the random streams as they were."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    sink = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            contextlib.redirect_stdout(sink),
            contextlib.redirect_stderr(sink),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def _in_time(work):
    """work(), or None if it takes longer than SECONDS: the user's code may wait for ever."""
    thread, lock, over = threading.get_ident(), threading.Lock(), []

    def stop():
        with lock:
            if not over:
                _raise_in(thread, TooLong)

    timer = threading.Timer(SECONDS, stop)
    timer.daemon = True
    timer.start()
    try:
        result = work()
        with lock:
            over.append(True)
        return result
    except TooLong:
        return None
    finally:
        timer.cancel()
        with lock:
            over.append(True)


def _raise_in(thread, error):
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
