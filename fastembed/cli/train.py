"""``python -m fastembed train``: options, and which task runs."""

import argparse
import importlib
from types import SimpleNamespace

import fastembed
from fastembed.cli.options import Parser, UserError, integer, number

# task: (module with DEFAULTS and run(options), what it does)
TASKS = {
    "lm": ("fastembed.cli.lm", "a language model (LSTM) on text; writes new text"),
    "addition": ("fastembed.cli.addition", "learns to add numbers from examples"),
    "date": ("fastembed.cli.date", "learns to read dates in many formats; draws its attention"),
    "word2vec": ("fastembed.cli.word2vec", "word vectors of a text; nearest words, analogies"),
}
_SEQ2SEQ = ["Seq2seq", "PeekySeq2seq", "AttentionSeq2seq"]
MODELS = {"addition": _SEQ2SEQ, "date": _SEQ2SEQ, "word2vec": ["CBOW", "SkipGram"]}
# options that only some tasks have: a task's DEFAULTS say which, and their values
_TASK_OPTIONS = [
    ("--examples", integer(1, 200_000), "N", "questions to train on"),
    ("--embed", integer(1, 1 << 14), "N", "width of the word vectors"),
    ("--hidden", integer(1, 1 << 14), "N", "width of the hidden state"),
    ("--window", integer(1, 100), "N", "words on either side"),
    ("--batch", integer(1, 1 << 20), "N", "sequences (or examples) in a step"),
    ("--steps", integer(1, 1 << 16), "N", "words of each sequence in a step"),
    ("--epochs", integer(1), "N", "passes over the text; with --resume: further passes"),
    ("--lr", number(0, above=True), "X", "learning rate"),
    ("--max-grad", number(0, above=True), "X", "largest norm of the gradient; above, it is scaled"),
    ("--min-count", integer(1), "N", "rarer words become <unk>"),
    ("--temperature", number(0), "X", "of the sample: 0 always takes the likeliest word"),
    ("--sample-words", integer(0, 1 << 20), "N", "length of the sample"),
]


def _name(flag):
    return flag.removeprefix("--").removeprefix("no-").replace("-", "_")


KINDS = {_name(flag): kind for flag, kind, *_ in _TASK_OPTIONS}  # option: its type and bounds


def _defaults():
    return {name: importlib.import_module(module).DEFAULTS for name, (module, _) in TASKS.items()}


def _model_help():
    lines = []
    for task, names in MODELS.items():
        default = _defaults()[task]["model"]
        rest = ", ".join(name for name in names if name != default)
        lines.append(f"{task}: {default} (or {rest})")
    return "; ".join(lines)


def _parser():
    tasks = "".join(f"  {name:10} {text}\n" for name, (_, text) in TASKS.items())
    parser = Parser(
        prog="python -m fastembed train",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train a model, show what it learnt, and keep it in a safetensors file.\n\n"
        "tasks:\n" + tasks,
    )
    parser.add_argument("text", nargs="*", metavar="TEXT", help="UTF-8 text files (default: the "
                        "Python language reference that every CPython carries)")  # fmt: skip
    parser.add_argument("--task", choices=TASKS, default="lm", help="default: lm")
    parser.add_argument("--out", default="fastembed-train", metavar="FOLDER",
                        help="where files are written (default: %(default)s)")  # fmt: skip
    parser.add_argument("--resume", action="store_true", default=None,
                        help="go on from the model in the output folder")  # fmt: skip
    parser.add_argument("--seed", type=integer(0, 2**32 - 1), default=1, metavar="N",
                        help="of all random numbers (default: %(default)s)")  # fmt: skip
    parser.add_argument("--threads", type=integer(1, 1024), metavar="N",
                        help="default: the CPUs that this process may use")  # fmt: skip
    parser.add_argument("--no-compare", dest="compare", action="store_false", default=None,
                        help="do not measure how much faster a step was")  # fmt: skip
    parser.add_argument("--model", choices=sorted({m for names in MODELS.values() for m in names}),
                        metavar="NAME", help=_model_help())  # fmt: skip
    for flag, kind, metavar, text in _TASK_OPTIONS:
        defaults = [(name, DEFAULTS.get(_name(flag))) for name, DEFAULTS in _defaults().items()]
        values = ", ".join(f"{name} {value:g}" for name, value in defaults if value is not None)
        parser.add_argument(flag, type=kind, metavar=metavar, help=f"{text} ({values})")
    return parser


def main(argv):
    parser = _parser()
    args = parser.parse_args(argv)
    task = importlib.import_module(TASKS[args.task][0])
    given = {name: value for name, value in vars(args).items() if value not in (None, [])}
    for flag, *_ in [*_TASK_OPTIONS, ("--model",), ("--resume",), ("--no-compare",), ("text",)]:
        name = _name(flag)
        if name in given and name not in task.DEFAULTS:
            parser.error(f"argument {flag}: --task {args.task} has no such option")
    if args.model and args.model not in MODELS[args.task]:
        parser.error(f"argument --model: --task {args.task} has no model {args.model}")
    try:
        fastembed.set_num_threads(args.threads or fastembed.get_num_threads())
    except ValueError as error:  # of FASTEMBED_NUM_THREADS
        raise UserError(str(error)) from None
    try:
        return task.run(SimpleNamespace(**{**task.DEFAULTS, **given}), given)
    except MemoryError:
        raise UserError("not enough memory for these sizes") from None
