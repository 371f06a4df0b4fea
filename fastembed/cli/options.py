"""What the subcommands share: a parser whose errors are one line, and checked option values."""

import argparse

from fastembed.tasks.values import UserError, integer, reason

__all__ = ["Parser", "UserError", "integer", "reason"]


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage text."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")
