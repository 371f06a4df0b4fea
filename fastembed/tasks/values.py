"""Checked values of options and files, and how training ends."""

import argparse
import math

from fastembed._errors import UserError


class Diverged(UserError):
    """Training went wrong, as far as its numbers tell."""

    status = 1


class Stopped(KeyboardInterrupt):
    """A signal asked for the end."""

    def __init__(self, number, words=""):
        super().__init__(words)
        self.status = 128 + number


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


def number(low, *, above=False, high=math.inf):
    """An argparse type: a finite number >= low, or > low with above, and <= high."""

    def convert(text):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not low <= value <= high or (above and value == low):
            bounds = f"{'>' if above else '>='} {low}"
            bounds += f" and <= {high}" if math.isfinite(high) else ""
            raise argparse.ArgumentTypeError(f"must be a number {bounds}, got {text!r}")
        return value

    return convert


# options that only some tasks have: a task's DEFAULTS say which, and their values
OPTIONS = {
    "epochs": (integer(0), "passes; with --resume, further ones"),
    "lr": (number(0, above=True), "learning rate"),
    "warmup": (number(0, high=0.9), "share of the steps in which the rate rises"),
    "weight_decay": (number(0), "of AdamW"),
    "dropout": (number(0, high=0.95), "share of what passes between layers (BetterRnnlm)"),
    "patience": (integer(1), "epochs without progress that end training"),
    "label_smoothing": (number(0, high=1), "share of the loss that is the same for all tokens"),
    "batch": (integer(1, 1 << 20), "of a step"),
    "steps": (integer(1, 1 << 16), "words of each sequence in a step"),
    "embed": (integer(1, 1 << 14), "width of the word vectors"),
    "hidden": (integer(1, 1 << 14), "of the hidden state"),
    "window": (integer(1, 100), "words on either side"),
    "examples": (integer(1, 200_000), "questions to train on"),
    "max_grad": (number(0, above=True), "clip gradients to this norm"),
    "min_count": (integer(1, 1 << 31), "rarer words become <unk>"),
    "temperature": (number(0), "of the sample"),
    "sample_words": (integer(0, 1 << 20), "length of the sample"),
    "seed": (integer(0, 2**32 - 1), "of all random numbers"),
}


def flag(name):
    """The option's name on the command line."""
    return "--" + name.replace("_", "-")
