"""``python -m fastembed translate``: answers of a sequence-to-sequence model."""

import sys
from itertools import chain, islice

from fastembed._errors import UserError
from fastembed.cli.options import Parser, add_threads, use_threads
from fastembed.cli.saved import model_of
from fastembed.tasks.values import integer
from fastembed.text import sources

TOGETHER = 1000  # lines that are read before they are answered


def main(argv):
    parser = Parser(
        prog="python -m fastembed translate",
        description="Answer questions (or translate lines) with a model that 'train --task pairs', "
        "'addition' or 'date' saved. Without TEXT and --file, lines are asked for, or read from a "
        "pipe.",
        examples=[
            "python -m fastembed translate fastembed-train '12+34'",
            "python -m fastembed translate pairs.safetensors --file questions.txt > answers",
            "python -m fastembed translate date.safetensors 'May 3, 1999' --attention a.png",
        ],
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="a file that 'train' saved, or its folder")
    add("text", nargs="*", metavar="TEXT", help="questions, each an argument")
    add("--file", metavar="FILE", help="a file with a question on each line; - is a pipe")
    add("--encoding", metavar="NAME", help="of the file (default: UTF-8, or as its mark says)")
    beam = "candidates of the search for the likeliest answer (1)"
    add("--beam", type=integer(1), default=1, metavar="N", help=beam)
    longest = "tokens after which an answer is cut off (200)"
    add("--longest", type=integer(1), default=200, metavar="N", help=longest)
    add("--attention", metavar="PNG", help="draw what the model looked at for each TEXT")
    add_threads(parser)
    args = parser.parse_intermixed_args(argv)
    if args.text and args.file:
        parser.error("argument --file: not together with TEXT")
    if args.attention and not args.text:
        parser.error("argument --attention: needs TEXT, to draw")
    use_threads(args.threads)
    model = model_of(args.model, "translate", "a model that answers questions")
    if args.attention and not hasattr(model.decoder, "attention"):
        raise UserError(f"a {type(model).__name__} has no attention: --attention has no meaning")

    def answer(lines):
        try:
            return model.translate(lines, beam_size=args.beam, longest=args.longest)
        except ValueError as error:  # half a surrogate pair
            raise UserError(str(error)) from None

    if not args.text and not args.file and sys.stdin is not None and sys.stdin.isatty():
        return _talk(answer)
    files = sources.find([args.file or "-"], encoding=args.encoding).files
    read = chain.from_iterable(sources.lines(one, args.encoding) for one in files)
    lines = iter(args.text or read)
    while some := list(islice(lines, TOGETHER)):
        print("\n".join(answer(some)), flush=True)
    if args.attention:
        from fastembed.tasks import plots, seq2seq

        looked = [seq2seq.looked_at(model, line) for line in args.text]
        print(f"attention: {plots.attention(args.attention, looked)}", file=sys.stderr)
    return 0


def _talk(answer):
    """Ask for a question after the other, until there is none."""
    try:
        import readline  # noqa: F401  (lines can be edited)
    except ImportError:
        pass
    while True:
        try:
            line = input("? ")
        except EOFError:
            print()
            return 0
        print(answer([line])[0], flush=True)
