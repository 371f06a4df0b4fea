"""Advantage 2, meaning: which words lie close together before and after training."""

import numpy as np

from benchmarks.claims import language
from benchmarks.claims.report import count, grid, percent
from fastembed.models import CBOW
from fastembed.optimizer import Adam
from fastembed.trainer import Trainer
from fastembed.util import create_contexts_target, normalize

TITLE = "Meaning"
QUERIES = "list integer function class exception object".split()
WINDOW = 3  # words on either side
NEAR = 10
OFTEN = 10  # pairs of which both words come this often are asked for


def run(quick):
    words, ids, _ = language.corpus(2000 if quick else 4000)
    W = {}
    ids = ids[np.array([any(map(str.isalnum, word)) and word[0] != "<" for word in words])[ids]]
    W["before"], W["after"] = vectors(words, ids, 50 if quick else 100, 20 if quick else 30)
    # a token carries the space before it; the more frequent one with a name has it
    names = {word.strip(): k for k, word in reversed(list(enumerate(words)))}
    often = np.bincount(ids, minlength=len(words)) >= OFTEN
    pairs = [(names[w], names[w + "s"]) for w in names if w.isalpha() and w + "s" in names]
    pairs = [pair for pair in pairs if often[list(pair)].all()]
    rng = np.random.default_rng(0)
    random = np.array([rng.choice(len(words), 2, replace=False) for _ in range(1000)])
    found = {"V": len(words), "pairs": len(pairs), "near": NEAR, "states": {}, "words": {}}
    for state, rows in W.items():
        unit = normalize(rows.copy())
        found["states"][state] = {
            "pairs": [float(unit[a] @ unit[b]) for a, b in pairs],
            "random": [float(unit[a] @ unit[b]) for a, b in random],
            "ranks": [int((unit @ unit[a] > unit[b] @ unit[a]).sum()) for a, b in pairs],
        }
        found["words"][state] = {
            query: [words[k].strip() for k in np.argsort(-unit @ unit[names[query]])[1:6]]
            for query in QUERIES
            if query in names
        }
    return found


def vectors(words, ids, D, epochs, seed=1):
    """Rows of W before and after CBOW has read the ids."""
    np.random.seed(seed)
    contexts, target = create_contexts_target(ids, WINDOW)
    cbow = CBOW(len(words), D, WINDOW, np.append(np.arange(len(words)), ids))
    before = cbow.word_vecs.copy()
    optimizer = Adam()
    trainer = Trainer(cbow, optimizer, verbose=False, progress=False)
    for epoch in range(epochs):
        optimizer.lr = 0.01 * (1 - epoch / epochs)
        trainer.fit(contexts, target, 1, 500, eval_interval=None)
    return before, cbow.word_vecs


def _top(state):
    return float(np.mean([rank <= NEAR for rank in state["ranks"]]))  # the word itself is rank 0


def table(data):
    header = ("", "similarity of the pairs", "of random words", f"plural among the {NEAR} nearest")
    header += ("median rank of the plural",)
    states = data["states"]
    lines = [
        (f"{name} training", f"{np.mean(s['pairs']):.3f}", f"{np.mean(s['random']):.3f}")
        + (percent(_top(s)), f"{np.median(s['ranks']):.0f} of {count(data['V'])}")
        for name, s in states.items()
    ]
    lines.insert(0, ("one-hot", "0", "0", "–", "all alike"))
    rows = [
        (query, ", ".join(data["words"]["before"][query]), ", ".join(near))
        for query, near in data["words"]["after"].items()
    ]
    note = (
        f"{data['pairs']} pairs of a word and the same word with an s, both seen {OFTEN} times or "
        "more; cosine of their vectors, which CBOW has learnt from the text."
    )
    second = grid(("word", "nearest before training", "nearest after"), rows, left=3)
    return f"{grid(header, lines)}\n\n{note}\n\n{second}"


def draw(data, figure):
    figure.set_size_inches(10, 3.8)
    left, right = figure.subplots(1, 2, sharey=True)
    bins = np.linspace(-1, 1, 41)
    for axes, (name, s) in zip((left, right), data["states"].items(), strict=True):
        look = {"density": True, "bins": bins}
        axes.hist(s["random"], **look, color="#bbbbbb", label="random words")
        axes.hist(s["pairs"], **look, color="#0072b2", histtype="step", linewidth=2,
                  label="word and plural")  # fmt: skip
        axes.set(title=f"{name} training", xlabel="cosine of two vectors")
    left.set_ylabel("density")
    right.legend()


def quotes(data):
    states = data["states"]
    found = {"pairs": str(data["pairs"]), "V": count(data["V"]), "near": str(NEAR)}
    for name, s in states.items():
        found[name] = f"{np.mean(s['pairs']):.2f}"
        found[f"random {name}"] = f"{np.mean(s['random']):.2f}"
        found[f"top {name}"] = percent(_top(s))
        found[f"rank {name}"] = f"{np.median(s['ranks']):.0f}"
    return found
