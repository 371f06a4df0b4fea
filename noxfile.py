"""Sessions of nox: the tests on each Python and with the oldest libraries, lint, what is shipped.

``nox`` runs all for which there is an interpreter; ``nox -s tests-3.13 -- -x tests/test_files.py``
hands arguments to pytest.
"""

from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")["project"]
nox.options.error_on_missing_interpreters = False


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session):
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-m", "not peers", *session.posargs)


@nox.session(python="3.11")
def peers(session):
    """What is the same in PyTorch and gensim, compared with them."""
    session.install("-e", ".[peers]")
    session.run("python", "-m", "pytest", "-m", "peers", "tests/peers", *session.posargs)


@nox.session(python="3.11")
def oldest(session):
    """The tests with the oldest libraries that are declared."""
    pins = [name.replace(">=", "==") for name in PROJECT["dependencies"]]
    session.install("-e", ".[test]", *pins)
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session):
    """Style, layout, types, stubs."""
    session.install("-e", ".[lint]")
    session.run("bash", ".ci/lint", external=True)


@nox.session
def shipped(session):
    """The source distribution and a wheel, as an index would take them."""
    session.install("build", "twine")
    folder = Path(session.create_tmp())
    session.run("python", "-m", "build", "--outdir", str(folder))
    session.run("twine", "check", "--strict", *map(str, folder.iterdir()))


@nox.session(python="3.11")
@nox.parametrize("what", ["params", "tensors", "vectors", "arguments"])
def fuzz(session, what):
    """A minute of coverage-guided fuzzing of a reader of files, or of the ops' arguments."""
    session.install("-e", ".", "atheris")
    script = "tests/fuzz_arguments.py" if what == "arguments" else "tests/fuzz_files.py"
    session.run("python", script, what, *session.posargs)


@nox.session(python="3.11")
def sanitize(session):
    """Kernels under sanitizers and bounds checks; Linux with gcc."""
    session.install("-e", ".[test]")
    session.run(".ci/sanitize", *session.posargs, external=True)
