"""What the subcommands share: a parser whose errors are one line, and the number of threads."""

import argparse
import textwrap
from functools import partial

from fastembed.tasks.values import integer


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and whose help has 80 columns and examples."""

    def __init__(self, *, description, examples, **settings):
        description = "\n".join(textwrap.fill(line, 80) for line in description.split("\n"))
        lines = "".join(f"\n  {line}" for line in examples)
        epilog = f"example{'s' * (len(examples) > 1)}:{lines}"
        layout = partial(argparse.RawDescriptionHelpFormatter, max_help_position=23, width=80)
        texts = {"description": description, "epilog": epilog, "formatter_class": layout}
        super().__init__(**texts, **settings)

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def add_threads(parser, text="default: the CPUs that this process may use"):
    parser.add_argument("--threads", type=integer(1, 1024), metavar="N", help=text)


def use_threads(count):
    """Set how many threads compute; None leaves it to the environment."""
    import fastembed

    if count is not None:
        fastembed.set_num_threads(count)
