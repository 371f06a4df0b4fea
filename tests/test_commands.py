"""Commands of README and the documentation: quick ones run at a small size, all are known."""

import re
import shlex
import tomllib

import pytest
from pages import PAGES, ROOT, blocks, named, run

SMALL = "--epochs 1 --embed 8 --threads 1 --force".split()
TASKS = {
    "lm": "--hidden 8 --batch 4 --steps 10 --sample-words 5".split(),
    "addition": "--hidden 8 --batch 4 --examples 100".split(),
    "date": "--hidden 8 --batch 4 --examples 100".split(),
    "pairs": "--hidden 8 --batch 4".split(),
    "word2vec": [],
}
TOOLS = {"pytest", "nox", "git", "ruff", "uv", "conda", "curl", "gh"}


def lines(page):
    """The commands of a page, one a line, without comments and variables that are set."""
    for block in blocks(page, "console"):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            for command in line.split("  #")[0].split(" && "):
                yield re.sub(r"^(\w+=\S+ )+", "", command.strip())


COMMANDS = {command: named(page) for page in PAGES for command in lines(page) if command}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files that commands name."""
    folder = tmp_path_factory.mktemp("desk")
    for name in re.findall(r"[\w./-]+\.txt\b", " ".join(COMMANDS)):
        (folder / name).write_text("The cat sees a dog . No dog hears the big bird .\n\n" * 300)
    for name in re.findall(r"[\w./-]+\.tsv\b", " ".join(COMMANDS)):
        (folder / name).write_text("".join(f"go {k}\tva {k}\n" for k in range(40)))
    (folder / "train_rnnlm.py").write_text("from fastembed.models import Rnnlm\nRnnlm(10, 4, 4)\n")
    return folder


@pytest.mark.parametrize(
    "command", [pytest.param(c, id=f"{page}: {c}") for c, page in COMMANDS.items()]
)
def test_commands(command, desk):
    words = shlex.split(command)
    if words[:2] == ["pip", "install"]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        extras = set("".join(re.findall(r"\.\[(.*?)\]", command)).split(",")) - {""}
        assert extras <= set(project["optional-dependencies"])
    elif words[:2] == ["python", "-m"] and words[2].split(".")[0] in ("fastembed", "benchmarks"):
        known(words[2:], desk)
    else:
        name = words[1] if words[0] == "python" else words[0]
        assert name in TOOLS | {"-m"} or (ROOT / name).exists() or (desk / name).exists()


def known(words, desk):
    """Run a command of ours if it is quick, or find its options in what its --help says."""
    module, *rest = words
    sub = rest[:1] if module == "fastembed" else []
    if sub == ["info"] or (sub == ["run"] and rest[-1] == "train_rnnlm.py"):
        run(["-m", *words], desk)
    elif sub == ["train"] and not re.search(r"\b[A-Z]{3,}\b|--resume", " ".join(rest)):
        task = rest[rest.index("--task") + 1] if "--task" in rest else "lm"
        texts = [] if re.search(r"\.txt|\.tsv|addition|date", " ".join(rest)) else ["my-book.txt"]
        run(["-m", *words, *texts, *SMALL, *TASKS.get(task, [])], desk)
    else:
        usage = run(["-m", module, *sub, "--help"], ROOT)
        for option in re.findall(r"(?<= )--[a-z-]+", " ".join(rest)):
            assert option in usage
