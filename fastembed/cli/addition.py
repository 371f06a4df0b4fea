"""Task ``addition``: learn to add numbers, digit by digit, from examples."""

from fastembed.cli import questions, seq2seq

DEFAULTS = {
    "model": "PeekySeq2seq",
    "examples": 45000,
    "embed": 16,
    "hidden": 128,
    "batch": 128,
    "epochs": 6,
    "lr": 0.004,
    "max_grad": 5.0,
}


def run(options, given):
    """Train, answer, and write the files; returns the exit status."""
    seq2seq.run("addition", questions.additions, options)
    return 0
