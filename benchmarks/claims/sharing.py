"""The five points on sharing one layer over all time steps, from the figures of other parts."""

import re

from benchmarks.claims.report import grid

NEEDS = {"separate", "cost", "transfer"}


def table(q):
    """Five rows from the quoted numbers q of the parts, names ``part.name``."""

    def say(text):
        return re.sub(r"\{(.*?)\}", lambda found: q[found[1]], text)

    lines = [
        (
            "1. parameters are shared",
            say("embedding of {separate.numbers-B} numbers, {separate.numbers-C} with T tables"),
            "holds",
        ),
        (
            "2. a word has one vector",
            say(
                "cosine of a word's vectors at two steps: 1 by construction; with T tables "
                "{separate.often} for frequent words, {separate.rare} for rare ones"
            ),
            "holds; what the context adds is the recurrent layer's work",
        ),
        (
            "3. the data are used better",
            say(
                "{separate.words} words: perplexity {separate.B}, {separate.C} with T tables; "
                "training meets {separate.seen-B} of the rows, {separate.seen-C} with T tables"
            ),
            "holds",
        ),
        (
            "4. memory and time",
            say(
                "forward and backward {cost.B}; T tables {cost.C/B} as long, gradients of "
                "{cost.gradients-C} in place of {cost.gradients-B}"
            ),
            say("holds; T objects that share one W cost time too: {cost.A/B}"),
        ),
        (
            "5. pretrained rows",
            say(
                "{transfer.many} words to train on: perplexity {transfer.many-tuned} with one "
                "table, {transfer.many-C} with T copies of it"
            ),
            "holds",
        ),
    ]
    return grid(("the note says", "measured", ""), lines, left=3)
