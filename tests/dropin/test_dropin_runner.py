"""``python -m fastembed run``: a script runs as it does without us, but for its speed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

TRAIN = """
import sys
from pathlib import Path

import numpy as np
from mylayers import *
from mytraining import SGD, clip_grads, remove_duplicate
from myutil import RnnlmTrainer

np.random.seed(int(sys.argv[1]))
V, D, H, N, T = 50, 20, 25, 6, 7


def normal(*shape):
    return (np.random.randn(*shape) / 5).astype("f")


layers = [
    TimeEmbedding(normal(V, D)),
    TimeDropout(0.2),
    TimeLSTM(normal(D, 4 * H), normal(H, 4 * H), normal(4 * H), stateful=True),
    TimeAffine(normal(H, V), normal(V)),
]
loss_layer = TimeSoftmaxWithLoss()
params = sum((layer.params for layer in layers), [])
grads = sum((layer.grads for layer in layers), [])
optimizer, trainer = SGD(1.0), RnnlmTrainer(None, None)
trainer.time_idx = 0
corpus = np.random.randint(0, V, 500)
for _ in range(10):
    xs, ts = trainer.get_batch(corpus[:-1], corpus[1:], N, T)
    for layer in layers:
        xs = layer.forward(xs)
    print(loss_layer.forward(xs, ts))
    dout = loss_layer.backward()
    for layer in reversed(layers):
        dout = layer.backward(dout)
    new_params, new_grads = remove_duplicate(params, grads)
    clip_grads(new_grads, 0.5)
    optimizer.update(new_params, new_grads)
print(np.random.rand())
"""


@pytest.fixture
def book(project):
    """A project with all of the book-style modules."""
    for name in ("layers", "training", "util"):
        project.write(f"my{name}", project.source(name))
    return project


def both(project, *arguments, **options):
    """Run a script without and with us; return what each printed and its status."""
    plain = project.python(*arguments, **options)
    fast = project.run(*arguments, **options)
    return plain, fast


def assert_same(plain, fast):
    assert (fast.stdout, fast.stderr) == (plain.stdout, plain.stderr)
    assert fast.returncode == plain.returncode


# ---- results


def test_a_training_script_prints_the_same(book):
    script = book.write("train", TRAIN)
    plain, fast = both(book, script, "3")
    assert (plain.stderr, fast.stderr) == ("", "")
    expected, found = ([float(x) for x in done.stdout.split()] for done in (plain, fast))
    assert len(found) == 11
    assert found == pytest.approx(expected, rel=1e-5)
    assert found[-1] == expected[-1]  # the random stream, to the last bit
    assert plain.returncode == fast.returncode == 0


def test_a_script_with_everything_in_it(book):
    parts = [book.source(name) for name in ("layers", "training", "util")]
    script = book.write("single", "\n".join(parts) + TRAIN.replace("from my", "# from my"))
    plain, fast = both(book, script, "4")
    assert fast.stderr == ""
    expected, found = ([float(x) for x in done.stdout.split()] for done in (plain, fast))
    assert found == pytest.approx(expected, rel=1e-5)
    report = book.run("--report", script, "4").stderr
    for name in ("TimeLSTM", "TimeEmbedding", "SGD", "clip_grads", "RnnlmTrainer"):
        (line,) = (line for line in report.splitlines() if f"__main__.{name} " in line)
        assert int(line.split()[1]) + ("small" in line) > 0


def test_definitions_inside_of_blocks_and_before_their_parts(project):
    """Classes in an ``if``, and one that needs a class defined after it, are patched before use."""
    late = project.classes("Embedding", "TimeEmbedding")
    where = late.index("class Embedding:")
    text = late[:where] + late[late.index("class TimeEmbedding(") :] + late[where:]
    text = text[: text.rindex("class TimeEmbedding(")]
    script = (
        "if True:\n    try:\n" + textwrap.indent(text, " " * 8) + "\n    finally:\n        pass\n"
        "print(TimeEmbedding(np.ones((5, 3), 'f')).forward(np.array([[1, 2]])))\n"
    )
    plain, fast = both(project, project.write("blocks", script))
    assert_same(plain, fast)
    report = project.run("--report", "blocks.py").stderr
    (line,) = (line for line in report.splitlines() if "__main__.TimeEmbedding " in line)
    assert line.split()[1] == "1"


def test_other_objects_of_a_module_are_asked_nothing(project):
    """A proxy may raise, or do something, whatever it is asked for."""
    proxy = "class Proxy:\n def __getattribute__(self, _):\n  raise KeyError\n\nvalue = Proxy()\n"
    project.write("settings", proxy)
    script = project.write("script", f"import settings\n{proxy}\nclass Other:\n    pass\n")
    assert_same(*both(project, script))


def test_a_class_of_another_name_before_the_function_that_it_needs(project):
    script = """
        import numpy as np

        class Product:
            def __init__(self, W):
                self.params, self.grads, self.x = [W], [np.zeros_like(W)], None

            def forward(self, x):
                self.x = x
                return product(x, self.params[0])

            def backward(self, dout):
                self.grads[0][...] = np.dot(self.x.T, dout)
                return np.dot(dout, self.params[0].T)

        def product(x, W):
            return np.dot(x, W)

        print(Product(np.ones((300, 200), "f")).forward(np.ones((50, 300), "f")).sum())
    """
    plain, fast = both(project, project.write("late", textwrap.dedent(script)))
    assert_same(plain, fast)
    assert "1 accelerated" in project.run("--report", "late.py").stderr


# ---- as Python runs it


ABOUT = """
import sys, os
print(__name__, __file__, __doc__, __package__, __spec__ and __spec__.name, __cached__)
print(type(__loader__).__name__, globals().get("__annotations__"))
print(sys.argv, sys.path[0], os.getcwd(), sorted(globals()))
print(sys.modules["__main__"].__dict__ is globals(), __builtins__ is sys.modules["builtins"])
print(__import__("inspect").getsource(sys.modules["__main__"])[:5])
"""


@pytest.mark.parametrize("folder", ["plain", "with spaces in it", "ünïcode"])
def test_contract_script_sees_what_it_sees_without_us(project, folder):
    project.write(f"{folder}/script", '"""Words."""\n' + ABOUT)
    for where, cwd in (
        (f"{folder}/script.py", project.folder),
        ("script.py", project.folder / folder),
    ):
        assert_same(*both(project, where, "a b", "--strict", "-m", cwd=cwd))


def test_script_behind_a_link(project):
    project.write("real/script", ABOUT + "import beside\n")
    project.write("real/beside", "print('found')\n")
    os.symlink(project.folder / "real" / "script.py", project.folder / "link.py")
    assert_same(*both(project, "link.py"))


def test_contract_own_folder_comes_first_on_the_path(project):
    project.write("deep/script", "import beside, sys\nprint(beside.x, sys.path[:1])\n")
    project.write("deep/beside", "x = 'deep'\n")
    project.write("beside", "x = 'wrong'\n")
    assert_same(*both(project, "deep/script.py"))


def test_a_module_and_a_package(project):
    project.write("tool", ABOUT)
    project.write("pack/__init__", "print('pack', __name__)\n")
    project.write("pack/__main__", ABOUT + "from . import part\nprint(part.__name__)\n")
    project.write("pack/part", ABOUT + "if __name__ == '__main__':\n    sys.exit(4)\n")
    for name in ("tool", "pack", "pack.part"):
        plain, fast = both(project, "-m", name, "x")
        assert_same(plain, fast)
    assert plain.returncode == 4


def test_contract_traceback_of_a_module(project):
    project.write("pack/__init__", "")
    project.write("pack/__main__", "from . import part\n")
    project.write("pack/part", "def f():\n    1 / 0\n\n\nf()\n")
    plain, fast = both(project, "-m", "pack")
    assert_same(plain, fast)
    assert "part.py" in fast.stderr


def test_a_module_that_is_not_there(project):
    plain, fast = both(project, "-m", "nothing.like.it")
    assert fast.returncode == plain.returncode == 1
    assert "No module named" in fast.stderr and "Traceback" not in fast.stderr


def test_a_file_that_is_not_there(project):
    plain, fast = both(project, "nothing.py")
    assert fast.returncode == plain.returncode == 2
    assert "can't open file" in fast.stderr and "No such file" in fast.stderr


def test_objects_of_the_script_end_with_it(project):
    script = "class Log:\n def __del__(self):\n  print(words)\n\nwords = 'closed'\nlog = Log()\n"
    project.write("script", script)
    assert_same(*both(project, "script.py"))


def test_a_path_with_a_dot(project):
    project.write("script", "print(__file__)\n1 / 0\n")
    assert_same(*both(project, "./script.py"))


def test_a_library_as_a_module(project):
    assert_same(*both(project, "-m", "platform"))


@pytest.mark.parametrize(
    "source",
    [
        "raise ValueError('mine')",
        "def f():\n    return 1 / 0\n\n\nclass A:\n    def g(self):\n        f()\n\n\nA().g()",
        "try:\n    {}['a']\nexcept KeyError as error:\n    raise TypeError('b') from error",
        "try:\n    {}['a']\nexcept KeyError:\n    raise TypeError('b')",
        "x = = 1",
        "import broken",
        "import nothing_like_it",
        "class A:\n    x = 1 / 0",
        "import sys\nsys.excepthook = lambda *error: print('hook', error[0])\n1 / 0",
        "raise ExceptionGroup('two', [ValueError(1), KeyError(2)])",
        "raise KeyboardInterrupt",
        "from my_layers import Embedding\nimport numpy as np\n"
        "Embedding(np.ones((3, 2), 'f')).forward(np.array([5]))",
    ],
)
def test_contract_tracebacks_and_status_are_the_scripts_own(project, source):
    project.write("broken", "def f():\n    raise OSError('inside')\n\n\nf()\n")
    project.write("my_layers", project.classes("Embedding"))
    project.write("script", source + "\n")
    assert_same(*both(project, "script.py"))


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit(3)",
        "sys.exit()",
        "sys.exit('words')",
        "sys.exit(0)",
        "raise SystemExit(7)",
        "os._exit(5)",
    ],
)
def test_contract_exit_status(project, end):
    project.write("script", f"import os, sys\nprint('before', flush=True)\n{end}\n")
    assert_same(*both(project, "script.py"))


def test_contract_exit_handlers_and_threads_end_as_before(project):
    project.write(
        "script",
        """
import atexit, threading, time
atexit.register(lambda: print("last"))
threading.Thread(target=lambda: (time.sleep(0.3), print("thread"))).start()
print("first")
""",
    )
    assert_same(*both(project, "script.py"))


def wait_until_asleep(process):
    """Ctrl-C must find the script in its sleep, also where other programs keep the CPUs busy."""
    status = Path(f"/proc/{process.pid}/stat")
    asleep, end = 0, time.monotonic() + 30
    while asleep < 10:
        assert time.monotonic() < end, "the script does not sleep"
        time.sleep(0.05)
        asleep = asleep + 1 if not status.exists() or " S " in status.read_text() else 0


@pytest.mark.parametrize("handled", [False, True])
def test_contract_ctrl_c(project, handled):
    body = "print('ready', flush=True)\ntime.sleep(30)"
    if handled:
        body = (
            f"try:\n{textwrap.indent(body, '    ')}\nexcept KeyboardInterrupt:\n    print('caught')"
        )
    project.write("script", f"import time\n{body}\n")
    results = []
    for command in (["script.py"], ["-m", "fastembed", "run", "script.py"]):
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=project.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout.readline() == "ready\n"
        wait_until_asleep(process)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
        results.append((out, errors, process.returncode))
    assert results[0] == results[1]
    assert results[0][2] == (0 if handled else -signal.SIGINT)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_contract_workers(project, method):
    project.write("mylayers", project.classes("LSTM", "TimeLSTM"))
    project.write(
        "script",
        f"""
import multiprocessing
import numpy as np
from mylayers import TimeLSTM


class Softmax:
    pass


def work(seed):
    rng = np.random.default_rng(seed)
    params = [rng.standard_normal(shape).astype("f") for shape in ((3, 8), (2, 8), (8,))]
    layer = TimeLSTM(*params)
    hs = layer.forward(rng.standard_normal((2, 3, 3)).astype("f"))
    return float(np.abs(layer.backward(hs)).sum().round(3))


if __name__ == "__main__":
    print(work(1))
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        print(pool.map(work, range(4)))
""",
    )
    plain = project.python("script.py")
    fast = project.run("script.py", strict=False)
    assert_same(plain, fast)


def test_future_imports_and_line_numbers(project):
    project.write(
        "script",
        '''"""Words."""
from __future__ import annotations

# a comment
def f(x: Undefined) -> int:
    import sys
    return sys._getframe().f_lineno, sys._getframe(1).f_lineno


class A: pass
class B(A):
    """B."""
print(f(1), f.__annotations__, __doc__)
import warnings
warnings.warn("here")
"a string" "in between"
print(f(1), __doc__)
''',
    )
    assert_same(*both(project, "script.py"))


def test_a_source_is_warned_of_once(project):
    project.write("literal", project.source("layers") + "\n\ndef ask(n):\n    return n is 3\n")
    project.write("script", "import sys\n\nsys.dont_write_bytecode = True\nimport literal\n")
    lines = [project.python("script.py").stderr, project.run("script.py").stderr]
    assert lines[0] == lines[1] and lines[0].count("SyntaxWarning") == 1


def test_a_source_with_another_encoding(project):
    (project.folder / "script.py").write_bytes(
        b"# -*- coding: latin-1 -*-\nprint(ascii('\xe9\xe8'))\n"
    )
    assert_same(*both(project, "script.py"))


# ---- options


def test_usage(project):
    for arguments, status in ((["--help"], 0), ([], 2), (["--nonsense", "x.py"], 2), (["-m"], 2)):
        done = project.run(*arguments, strict=False)
        assert done.returncode == status
        assert "usage: python -m fastembed run" in done.stdout + done.stderr


MULTIPLY = """
import sys
import numpy as np
from mine import MatMul
layer = MatMul(np.ones((200, 300), sys.argv[1]))
print(int(layer.forward(np.ones((100, 200), "f")).sum()))
sys.exit(int(sys.argv[2]))
"""


def test_report_comes_last_on_stderr(project):
    project.write("mine", project.classes("MatMul"))
    script = project.write("script", MULTIPLY)
    done = project.run("--report", script, "f", "0")
    assert done.stdout == "6000000\n"
    first, _, line = done.stderr.splitlines()
    assert first.startswith("fastembed: 1 accelerated, 0 left alone")
    assert line.split()[:2] == ["mine.MatMul", "1"]
    by_variable = project.python(
        "-m", "fastembed", "run", script, "f", "0", env={**os.environ, "FASTEMBED_REPORT": "1"}
    )
    assert by_variable.stderr.splitlines()[2].split()[:2] == ["mine.MatMul", "1"]


def test_report_follows_a_traceback(project):
    project.write("mine", project.classes("MatMul"))
    script = project.write("script", "import mine\n1 / 0\n")
    done = project.run("--report", script, strict=False)
    assert done.returncode == 1
    assert done.stderr.index("ZeroDivisionError") < done.stderr.index("fastembed: ")


def test_strict_fails_on_what_was_left_alone(project):
    text = project.classes("MatMul").replace("return np.dot(x", "return -np.dot(x")
    project.write("mine", text)
    project.write("imported", "import mine\nprint('done')\n")
    assert project.run("imported.py").returncode == 0
    used = (
        "import numpy as np\nimport mine\nx = np.ones((99, 99), 'f')\nmine.MatMul(x).forward(x)\n"
    )
    project.write("script", used + "print('done')\n")
    done = project.run("script.py")
    assert (done.stdout, done.returncode) == ("done\n", 1)
    assert "--strict: mine.MatMul was left alone: training steps" in done.stderr
    assert project.run("script.py", strict=False).returncode == 0


def test_strict_fails_on_a_call_that_fell_back(project):
    project.write("mine", project.classes("MatMul"))
    project.write("script", MULTIPLY)
    done = project.run("script.py", "d", "0")
    assert done.returncode == 1
    assert "MatMul fell back in 1 calls: params[0] is float64" in done.stderr
    assert project.run("script.py", "d", "9").returncode == 9  # the script's own status goes first


def test_install_first_in_a_program(project):
    """Classes that the program itself defines afterwards are seen as well."""
    text = (
        "from fastembed import dropin\ndropin.install()\n"
        + project.classes("MatMul")
        + """
layer = MatMul(np.ones((200, 300), "f"))
print(int(layer.forward(np.ones((100, 200), "f")).sum()))
dropin.report()
dropin.uninstall()
print(hasattr(MatMul.forward, "__wrapped__"))
"""
    )
    done = project.python(project.write("program", text))
    assert done.stderr == ""
    assert done.stdout.startswith("6000000\nfastembed: ")
    assert done.stdout.endswith("False\n")
    (line,) = (line for line in done.stdout.splitlines() if "__main__.MatMul " in line)
    assert line.split()[1] == "1"
