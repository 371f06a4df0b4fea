"""``python -m fastembed train``: options, which task runs, and how fast a step was."""

import argparse
import importlib
from functools import partial
from types import SimpleNamespace

import fastembed
from fastembed.cli.options import Parser, UserError, integer
from fastembed.tasks.values import OPTIONS, flag

# task: (module of tasks, its run(options, given, say), its default values, what it does)
TASKS = {
    "lm": ("lm", "run", "DEFAULTS", "a language model (LSTM) on text; writes new text"),
    "addition": ("seq2seq", "addition", "ADDITION", "learns to add numbers from examples"),
    "date": (
        "seq2seq",
        "date",
        "DATE",
        "learns to read dates in many formats; draws its attention",
    ),
    "word2vec": ("word2vec", "run", "DEFAULTS", "word vectors of a text; nearest words, analogies"),
}
_SEQ2SEQ = ["Seq2seq", "PeekySeq2seq", "AttentionSeq2seq"]
MODELS = {"addition": _SEQ2SEQ, "date": _SEQ2SEQ, "word2vec": ["CBOW", "SkipGram"]}


def _task(name):
    """The function that runs a task, and its default values."""
    module, run, defaults, _ = TASKS[name]
    module = importlib.import_module(f"fastembed.tasks.{module}")
    return getattr(module, run), getattr(module, defaults)


def _parser():
    defaults = {name: _task(name)[1] for name in TASKS}
    tasks = "".join(f"  {name:10} {text}\n" for name, (*_, text) in TASKS.items())
    others = {name: [m for m in MODELS[name] if m != defaults[name]["model"]] for name in MODELS}
    models = (f"{n}: {defaults[n]['model']} (or {', '.join(rest)})" for n, rest in others.items())
    parser = Parser(
        prog="python -m fastembed train",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train a model, show what it learnt, and keep it in a safetensors file.\n\n"
        "tasks:\n" + tasks,
    )
    add = parser.add_argument
    add(
        "text",
        nargs="*",
        metavar="TEXT",
        help="UTF-8 text files (default: the Python language reference that every CPython carries)",
    )
    add("--task", choices=TASKS, default="lm", help="default: lm")
    add(
        "--out",
        default="fastembed-train",
        metavar="FOLDER",
        help="where files are written (default: %(default)s)",
    )
    resume = "go on from the model in the output folder"
    add("--resume", action="store_true", default=None, help=resume)
    seed = "of all random numbers (default: %(default)s)"
    add("--seed", type=integer(0, 2**32 - 1), default=1, metavar="N", help=seed)
    threads = "default: the CPUs that this process may use"
    add("--threads", type=integer(1, 1024), metavar="N", help=threads)
    compare = "do not measure how much faster a step was"
    add("--no-compare", dest="compare", action="store_false", default=None, help=compare)
    known = sorted({name for names in MODELS.values() for name in names})
    add("--model", choices=known, metavar="NAME", help="; ".join(models))
    for name, (kind, text) in OPTIONS.items():
        values = (f"{task} {d[name]:g}" for task, d in defaults.items() if name in d)
        metavar = "X" if name in ("lr", "max_grad", "temperature") else "N"
        add(flag(name), type=kind, metavar=metavar, help=f"{text} ({', '.join(values)})")
    return parser


def main(argv):
    parser = _parser()
    args = parser.parse_args(argv)
    run, defaults = _task(args.task)
    given = {name: value for name, value in vars(args).items() if value not in (None, [])}
    flags = {name: flag(name) for name in (*OPTIONS, "model", "resume")}
    for name, said in {**flags, "compare": "--no-compare", "text": "text"}.items():
        if name in given and name not in defaults:
            parser.error(f"argument {said}: --task {args.task} has no such option")
    if args.model and args.model not in MODELS[args.task]:
        parser.error(f"argument --model: --task {args.task} has no model {args.model}")
    try:
        fastembed.set_num_threads(args.threads or fastembed.get_num_threads())
    except ValueError as error:  # of FASTEMBED_NUM_THREADS
        raise UserError(str(error)) from None
    say = partial(print, flush=True)
    try:
        sizes = run(SimpleNamespace(**{**defaults, **given}), given, say)
    except MemoryError:
        raise UserError("not enough memory for these sizes") from None
    if sizes:
        say(_speed(sizes))
    return 0


def _speed(sizes):
    """How much faster a training step is than with the plain NumPy layers, measured now."""
    from fastembed.bench import peers, runner, steps
    from fastembed.bench.cases import case

    step = case("Rnnlm step", table=steps.__name__, **sizes)
    with runner.Session() as session:
        contenders = [peers.REFERENCE, peers.ours(fastembed.get_num_threads())]
        found = session.measure(step, contenders, budget=1.0)
    if len(found) < 2:
        return f"speed       not measured: {session.problems[0].splitlines()[0]}"
    ours, reference = (found[who]["median"] for who in ("ours", "reference"))
    return (
        f"speed       a training step takes {ours * 1e3:.1f} ms, with the plain NumPy layers "
        f"{reference * 1e3:.1f} ms: {reference / ours:.1f} times faster"
    )
