"""``python -m fastembed COMMAND``: hands the arguments to the command's module."""

import argparse
import importlib
import os
import sys
import warnings

import fastembed
from fastembed._errors import UserError
from fastembed._version import __version__
from fastembed.cli.options import Parser

# command: (module with main(argv), what it does)
COMMANDS = {
    "train": ("fastembed.cli.train", "train a model on your text, or on text that Python carries"),
    "generate": ("fastembed.cli.generate", "write text with a trained language model"),
    "translate": ("fastembed.cli.translate", "answer questions with a trained seq2seq model"),
    "run": ("fastembed.dropin.runner", "run a script with its book-style layers accelerated"),
    "similar": ("fastembed.cli.similar", "the words nearest to a word, by trained vectors"),
    "analogy": ("fastembed.cli.analogy", "what is to C as B is to A, by trained vectors"),
    "bench": ("fastembed.bench", "measure the kernels against plain NumPy (and PyTorch)"),
    "info": ("fastembed.cli.info", "versions, CPU, threads, NumPy's BLAS, kernel cache"),
    "warmup": ("fastembed.cli.warmup", "compile and cache every kernel"),
}
READ = ("fastembed.threads", "fastembed.kernels.simd")  # whose import reads a setting
PROG = "python -m fastembed"
OURS = hasattr(fastembed, "attach")  # another package's __init__.py may have been put over ours


def _parser():
    parser = Parser(
        prog=PROG,
        usage=f"{PROG} COMMAND [ARGS]",
        description="Accelerated neural-network layers for NumPy.\n\n"
        "commands: (COMMAND --help tells more)\n"
        + "".join(f"  {name:10} {text}\n" for name, (_, text) in COMMANDS.items()),
        examples=[f"{PROG} train my.txt", f"{PROG} generate fastembed-train --prompt 'Once'"],
    )
    version = f"fastembed-layers {__version__}"
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("command", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser


def _one_line(message, category, filename, lineno, file=None, line=None):
    print(f"{PROG}: warning: {message}", file=sys.stderr)


def main(argv=None):
    """Run one command; return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv[:1] == ["run"] and OURS:
        return _command(argv)  # errors, exits, Ctrl-C are the script's
    prog = " ".join([PROG, *(name for name in argv[:1] if name in COMMANDS)])
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know every letter of a text
    try:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _one_line
                return _command(argv)
        finally:
            print(end="", flush=True)  # now: an error at shutdown would be nobody's
    except UserError as error:
        return _end(error.status, f"{prog}: error: {error}")
    except KeyboardInterrupt as interrupt:
        status = getattr(interrupt, "status", 130)
        return _end(status, f"\n{prog}: interrupted{interrupt}")
    except BrokenPipeError:
        _silence()
        return 141
    except MemoryError:
        return _end(2, f"{prog}: error: not enough memory")
    except (ImportError, OSError) as error:  # a library that finds no memory, a full disk
        if getattr(error, "filename", None) is not None:
            raise
        _silence()
        words = getattr(error, "strerror", None) or str(error.__cause__ or error)
        return _end(2, f"{prog}: error: {' '.join(words.split())}")


def _command(argv):
    parser = _parser()
    if not argv:
        parser.print_help(sys.stderr)
        return 2
    command = parser.parse_args(argv[:1]).command  # all further arguments are the command's own
    if command != "info" and not OURS:
        raise UserError(
            f"{fastembed.__file__} is another package's, which was installed over this one; "
            f"'{PROG} info' tells how to repair it"
        )
    try:  # FASTEMBED_NUM_THREADS, FASTEMBED_ISA
        for module in {"run": (), "info": READ[1:]}.get(command, READ):
            importlib.import_module(module)
    except ValueError as error:
        raise UserError(str(error)) from None
    return importlib.import_module(COMMANDS[command][0]).main(argv[1:])


def _end(status, line):
    print(line, file=sys.stderr)
    return status


def _silence():
    """Say nothing more on standard output, not even at shutdown."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
