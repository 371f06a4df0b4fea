"""``python -m fastembed train``: options, which task runs, and how fast a step was."""

import signal
from contextlib import suppress
from types import SimpleNamespace

import fastembed
from fastembed._errors import UserError
from fastembed.cli.options import Parser, add_threads, use_threads
from fastembed.tasks import lm, seq2seq, word2vec
from fastembed.tasks.progress import Say
from fastembed.tasks.training import handled, stop
from fastembed.tasks.values import OPTIONS, flag
from fastembed.text.tokenizer import KINDS

# task: what it does
TASKS = {
    "lm": "a language model on text: it writes new text (BetterRnnlm, Rnnlm)",
    "word2vec": "word vectors of a text (CBOW, SkipGram)",
    "pairs": "answers, from a file of pairs (AttentionSeq2seq, PeekySeq2seq)",
    "addition": "learns to add numbers from examples (PeekySeq2seq, Seq2seq)",
    "date": "learns to read dates in many formats (AttentionSeq2seq)",
}
LEVELS = list(KINDS)
REALS = ("lr", "warmup", "weight_decay", "dropout", "label_smoothing", "max_grad", "temperature")
COMMON = {"out": None, "force": False, "resume": False, "seed": 1}  # options of every task
EXAMPLES = [
    "python -m fastembed train book.txt",
    "python -m fastembed train --resume --epochs 2",
    "python -m fastembed train --task pairs english-french.tsv",
]
# task: its models, its run(options, given, say), its default values
_RUNS = {
    name: (module.MODELS, run, {**COMMON, **defaults})
    for module in (lm, word2vec, seq2seq)
    for name, (run, defaults) in module.TASKS.items()
}


def _told(name):
    """The default values of an option, those of several tasks together."""
    tasks = {}
    for task, (_, _, values) in _RUNS.items():
        if name in values:
            shown = "by the text" if values[name] is None else f"{values[name]:g}"
            tasks.setdefault(shown, []).append(task)
    if len(tasks) == 1:
        return next(iter(tasks))
    return ", ".join(f"{'/'.join(names)} {value}" for value, names in tasks.items())


def _parser():
    tasks = "".join(f"  {name:10} {text}\n" for name, text in TASKS.items())
    parser = Parser(
        prog="python -m fastembed train",
        usage="python -m fastembed train [TEXT ...] [--task TASK] [OPTIONS]",
        description="Train a model, show what it learnt, and keep it in a safetensors file. "
        f"Tasks:\n{tasks}",
        examples=EXAMPLES,
    )
    add = parser.add_argument
    default = "files, folders, - (default: the Python reference)"
    add("text", nargs="*", metavar="TEXT", help=default)
    add("--task", choices=TASKS, default="lm", metavar="TASK", help="default: lm")
    known = [*seq2seq.MODELS, *lm.MODELS, *word2vec.MODELS]
    model = "another than the first one that the task names"
    add("--model", choices=known, metavar="NAME", help=model)
    add("--out", metavar="FOLDER", help="for the files (default: a new fastembed-train)")
    force = "replace the model in the folder"
    add("--force", action="store_true", default=None, help=force)
    resume = "go on with the model in the folder"
    add("--resume", action="store_true", default=None, help=resume)
    add("--level", choices=LEVELS, metavar="L", help="tokens: word, char or subword")
    add("--column", metavar="NAME", help="of tables (.csv, .tsv, .jsonl): what is read")
    add("--encoding", metavar="NAME", help="of TEXT, where it is not UTF-8")
    for name, (kind, text) in OPTIONS.items():
        metavar = "X" if name in REALS else "N"
        add(flag(name), type=kind, metavar=metavar, help=f"{text} ({_told(name)})")
    compare = "measure a step against plain NumPy at the end"
    add("--compare", action="store_true", default=None, help=compare)
    add_threads(parser)
    return parser


def main(argv):
    parser = _parser()
    args = parser.parse_intermixed_args(argv)
    models, run, defaults = _RUNS[args.task]
    given = {name: value for name, value in vars(args).items() if value not in (None, [])}
    for name in given:
        if name not in defaults and name not in ("task", "threads"):
            said = "text" if name == "text" else flag(name)
            parser.error(f"argument {said}: --task {args.task} has no such option")
    if args.model and args.model not in models:
        parser.error(f"argument --model: --task {args.task} has no model {args.model}")
    if args.epochs == 0 and not args.resume:
        parser.error("argument --epochs: must be >= 1 without --resume, got 0")
    use_threads(args.threads)
    say = Say()
    try:
        with handled(stop, signal.SIGTERM):
            step = run(SimpleNamespace(**{**defaults, **given}), given, say)
        if step:
            say(_speed(*step))
    except MemoryError:
        raise UserError("not enough memory for these sizes") from None
    except (KeyboardInterrupt, UserError) as error:
        with suppress(UserError):  # the log may be what cannot be written
            say.note(f"{type(error).__name__}: {error}")
        raise
    finally:
        say.close()
    return 0


def _speed(model, sizes):
    """How much faster a training step is than with the plain NumPy layers, measured now."""
    from fastembed.bench import peers, runner, steps
    from fastembed.bench.cases import case

    step = case(f"{model} step", table=steps.__name__, **sizes)
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
