"""``python -m fastembed COMMAND``: hands the arguments to the command's module."""

import argparse
import importlib
import os
import sys
import warnings

import fastembed
from fastembed.cli.options import Parser, UserError

# command: (module with main(argv), what it does)
COMMANDS = {
    "train": ("fastembed.cli.train", "train a model on your text, or on text that Python carries"),
    "run": ("fastembed.dropin.runner", "run a script with its book-style layers accelerated"),
    "bench": ("fastembed.bench", "measure the kernels against plain NumPy (and PyTorch)"),
    "info": ("fastembed.cli.info", "versions, CPU, threads, BLAS, kernel cache"),
    "warmup": ("fastembed.cli.warmup", "compile and cache every kernel"),
}
PROG = "python -m fastembed"


def _parser():
    parser = Parser(
        prog=PROG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{PROG} COMMAND [ARGS]",
        description="Accelerated neural-network layers for NumPy.",
        epilog="commands:\n"
        + "".join(f"  {name:8} {text}\n" for name, (_, text) in COMMANDS.items())
        + f"\n{PROG} COMMAND --help tells more about a command.",
    )
    version = f"fastembed-layers {fastembed.__version__}"
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("command", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser


def _one_line(message, category, filename, lineno, file=None, line=None):
    print(f"{PROG}: warning: {message}", file=sys.stderr)


def main(argv=None):
    """Run one command; return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = _parser()
    if not argv:
        parser.print_help(sys.stderr)
        return 2
    command = parser.parse_args(argv[:1]).command  # all further arguments are the command's own
    module, argv = COMMANDS[command][0], argv[1:]
    if command == "run":
        return importlib.import_module(module).main(argv)  # errors, exits, Ctrl-C are the script's
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know every letter of a text
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _one_line
            status = importlib.import_module(module).main(argv)
        sys.stdout.flush()
        return status
    except UserError as error:
        print(f"{PROG} {command}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"\n{PROG} {command}: interrupted{interrupt}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # whoever read our output is gone: nothing is left to say, not even at shutdown
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
