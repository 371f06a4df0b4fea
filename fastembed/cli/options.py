"""What the subcommands share: one-line errors and checked option values."""

import argparse
import math


class UserError(Exception):
    """Something that the user can put right: the command line prints it as one line, status 2."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage text."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def integer(low, high=None):
    """An argparse type: an integer in [low, high]."""

    def convert(text):
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < low or (high is not None and value > high):
            bounds = f">= {low}" if high is None else f"from {low} to {high}"
            raise argparse.ArgumentTypeError(f"must be an integer {bounds}, got {text!r}")
        return value

    return convert


def number(low, *, above=False, below=None):
    """An argparse type: a finite number >= low (> low with above; < below where given)."""

    def convert(text):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        fits = math.isfinite(value) and (value > low if above else value >= low)
        if not fits or (below is not None and value >= below):
            bounds = f"{'>' if above else '>='} {low}"
            if below is not None:
                bounds += f" and < {below}"
            raise argparse.ArgumentTypeError(f"must be a number {bounds}, got {text!r}")
        return value

    return convert


def reason(error):
    """The operating system's words for an OSError, without errno and path."""
    return error.strerror or str(error)
