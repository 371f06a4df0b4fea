"""Side-by-side probes: the user's own code, which was read before, and ours, on small inputs."""

import numpy as np

from fastembed.dropin import patch, reading, site
from fastembed.dropin.alike import unlike
from fastembed.dropin.scenarios import FUNCTION_SCENARIOS, LAYER_SCENARIOS, Run, Stop
from fastembed.dropin.site import originals, plain_parameters

RAISES = "raises"
RTOL = 2e-5  # of the largest entry; float32 sums in another order stay well below


def probe_class(cls, known, stats):
    """The patch for a class of the user's.

    Raises
    ------
    reading.Declined
        If cls must be left alone, and why.
    NameError
        If cls leans on a name that its module does not have (yet).
    """
    read = reading.read_class(cls, known)
    trial = patch.MethodsPatch(cls, known, patch.Stats(), read, trial=True)
    for name, function in trial.functions.items():
        if not plain_parameters(function):
            raise reading.Declined(f"{name} takes arguments that have no place")
    own = {name: site.original(function) for name, function in trial.functions.items()}
    ours = {name: _with_defaults(own[name], trial.handlers[name]) for name in own}
    runs = _compare(
        LAYER_SCENARIOS[known.probe or known.name],
        lambda: Run(cls, own),
        lambda: Run(cls, ours),
        trial.stats,
    )
    done = patch.MethodsPatch(cls, known, stats, read)
    layer, out = runs[0].last
    done.returned = [name for name in read.extras if vars(layer).get(name) is out]
    return done


def probe_function(function, known, stats):
    """The patch for a function of the user's; raises as `probe_class` does."""
    read = reading.read_function(function, known)
    if not plain_parameters(function):
        raise reading.Declined("it takes arguments that have no place")
    trial = patch.FunctionPatch(function, known, patch.Stats(), read, trial=True)
    scenarios = FUNCTION_SCENARIOS[known.name]
    _compare(
        scenarios,
        lambda: Run(trial.original),
        lambda: Run(_with_defaults(function, trial.call)),
        trial.stats,
    )
    return patch.FunctionPatch(function, known, stats, read)


def _with_defaults(function, handler):
    """A handler that is given the function's defaults as a call of the function would."""
    count, defaults = function.__code__.co_argcount, function.__defaults__ or ()

    def call(*given):
        missing = count - len(given)
        return handler(*given, *(defaults[-missing:] if missing > 0 else ()))

    return call


def _compare(scenarios, original, ours, stats):
    """Raise Declined at the first scenario in which the two differ; returns the original's runs."""
    stream = np.random.get_state()
    runs = []
    try:
        with np.errstate(all="ignore"), originals:
            for scenario in scenarios:
                run = _record(scenario, original())
                runs.append(run)
                what, value = run.rows[-1]
                if scenario.accelerated and what.endswith(RAISES):
                    raise reading.Declined(f"{scenario.title}: {what} {value}")
                stats.fallbacks.clear()
                reason = difference(run.rows, _record(scenario, ours()).rows)
                if reason is None and scenario.accelerated:
                    reason = next(iter(stats.fallbacks), None)
                if reason is not None:
                    raise reading.Declined(f"{scenario.title}: {reason}")
    finally:
        np.random.set_state(stream)
    return runs


def _record(scenario, run):
    """What a scenario sees; the random stream's next number is part of it."""
    np.random.seed(11)
    try:
        scenario.work(run)
    except Stop as stop:
        if isinstance(stop.__cause__, NameError):
            raise stop.__cause__ from None
        return run
    except NameError:
        raise
    except Exception as error:  # outside of a call: the constructor, an attribute
        run.see(f"it {RAISES}", f"{type(error).__name__}: {error}")
        return run
    run.see("the next random number", np.random.random_sample())
    return run


def difference(expected, found):
    """How what was found differs from what was expected, in words; None if it does not."""
    for (what, value), (other, new) in zip(expected, found, strict=False):
        if what != other:
            return f"the original gets to '{what}', fastembed's to '{other}'"
        reason = unlike(value, new, RTOL)
        if reason:
            if value is None and what.startswith("argument"):
                return f"{what} would be changed"
            if new is None and what.startswith("argument"):
                return f"{what} is changed"
            return f"{what}: {reason}"
    if len(expected) != len(found):
        return "one of the two stops early"
    return None
