"""Tasks ``addition``, ``date`` and ``pairs``: an encoder reads a question, a decoder answers it."""

import json
import math
import zlib
from functools import partial

import numpy as np

from fastembed import generation
from fastembed.optimizer import Adam
from fastembed.tasks import plots, questions, training
from fastembed.tasks.checkpoint import Checkpoint
from fastembed.tasks.values import UserError
from fastembed.text import sources
from fastembed.text.tokenizer import train

HELD_OUT, EVERY = 1000, 10  # questions that training never sees; of a user's pairs, every tenth
SHOWN, DRAWN = 8, 3  # answers that are told, attention maps
MODELS = ["Seq2seq", "PeekySeq2seq", "AttentionSeq2seq"]
ADDITION = {
    "model": "PeekySeq2seq",
    "examples": 45000,
    "embed": 16,
    "hidden": 128,
    "batch": 128,
    "epochs": 6,
    "lr": 0.004,
    "label_smoothing": 0.0,
    "max_grad": 5.0,
}
DATE = ADDITION | {"model": "AttentionSeq2seq", "examples": 20000, "batch": 64, "epochs": 4}
PAIRS = {
    "text": [],
    "encoding": None,
    "level": "char",
    "model": "AttentionSeq2seq",
    "embed": 64,
    "hidden": 256,
    "batch": 64,
    "epochs": 10,
    "lr": 0.002,
    "label_smoothing": 0.0,
    "max_grad": 5.0,
}


class Training(training.Training):
    """The best epoch is the one with most right answers; the rate falls to nothing."""

    measures = ("right",)
    fixed = ("model", "embed", "hidden", "examples", "level", "seed")
    settings = (*fixed, "batch", "max_grad", "label_smoothing")

    def __init__(self, *arguments, examples, held_out):
        super().__init__(*arguments)
        self.examples, self.held_out = examples, held_out  # each questions and answers, as ids
        self.count = questions.count(examples[0], self.options.batch)
        tokenizer = self.model.tokenizer
        self.end = tokenizer.eos_id
        self.uniform = math.log(tokenizer.vocab_size)
        self.best = -1.0

    def size(self):
        return len(self.examples[0])

    def batches(self):
        rng = np.random.default_rng([self.options.seed, self.epoch])
        asked, answered = self.examples
        for part in questions.batches(asked, self.options.batch, rng)[self.step :]:
            xs = np.array([asked[k] for k in part], np.int32)
            ts = questions.padded([answered[k] for k in part])
            yield xs, ts, len(xs)

    def rate(self):
        # the last epochs settle what the first ones found
        return self.lr * (1 - self.epoch / max(self.until, self.epoch + 1))

    def judge(self, loss):
        right = float(np.mean(self.verdicts()))
        self.history["right"].append(100 * right)
        if right > self.best:
            self.best, self.best_epoch, self.best_params = right, self.epoch + 1, None
        return f"{right:6.1%} right of those held out, loss {loss:.4f}"

    def verdicts(self):
        """Whether each answer to a question held out is right."""
        asked, answered = self.held_out
        longest = max(map(len, answered))
        found = self.model.answers(asked, self.end, longest)
        return [[self.end, *ids, self.end] == ts for ids, ts in zip(found, answered, strict=True)]


def made(make, options):
    """Examples that ``make(count, rng)`` makes; the first are held out."""
    held = min(HELD_OUT, options.examples)
    asked, answered = make(options.examples + held, np.random.default_rng(options.seed))
    return list(zip(asked, answered, strict=True)), held, "made here"


def given_pairs(options):
    """Examples of the user's files, in a drawn order; a tenth is held out."""
    texts = sources.find(options.text, encoding=options.encoding)
    if not texts.files:
        raise UserError("--task pairs needs a file of lines with a question, a tab and an answer")
    read = (questions.pairs(path, options.encoding) for path in texts.files)
    found = [pair for both in read for pair in zip(*both, strict=True)]
    found = list(dict.fromkeys(found))
    if len(found) < 2:
        raise UserError(f"two pairs are needed at least, {texts.name} has {len(found)}")
    np.random.default_rng(options.seed).shuffle(found)
    return found, min(HELD_OUT, max(1, len(found) // EVERY)), texts.name


def run(task, examples, options, given, say):
    """Train on examples, answer some others, write the files."""
    file = Checkpoint(task, options.out, options.resume, options.force)
    if file.saved:
        training.adopt(Training, options, given, file)
    with file.folder():
        both, held, source = examples(options)
    tokenizer = file.saved.tokenizer if file.saved else _tokenizer(both, options)
    asked = [generation.question(tokenizer, question) for question, _ in both]
    end = int(tokenizer.eos_id)
    answered = [[end, *map(int, tokenizer.encode(answer)), end] for _, answer in both]
    sizes = {"wordvec_size": options.embed, "hidden_size": options.hidden}
    model = training.made(file, MODELS, options, tokenizer, sizes)
    if not file.saved:
        learnt = [k for ids in answered[held:] for k in ids[1:]]
        training.guess_by_frequency(model.decoder.affine, learnt)
    run = Training(
        file, options, say, model, Adam(options.lr), zlib.crc32(json.dumps(both).encode()),
        examples=(asked[held:], answered[held:]), held_out=(asked[:held], answered[:held]),
    )  # fmt: skip
    if file.saved:
        run.restore(given)
    say.log_to(file.beside(".log"))
    say(f"questions   {source}")
    say(
        f"examples    {len(both) - held:,} to train on, {held:,} held out, "
        f"such as {both[0][0]!r} -> {both[0][1]!r}"
    )
    say(f"model       {training.described(model, options)}")
    say(training.plan(run))
    run.run()

    run.use_best()
    say("\nanswers to questions held out:")
    shown = both[: min(held, SHOWN)]
    width = max(len(question) for question, _ in shown)
    for (question, truth), guess in zip(
        shown, model.translate([question for question, _ in shown]), strict=True
    ):
        verdict = "right" if guess == truth else f"wrong: {truth}"
        say(f"  {question:{width}}  {guess:10}  {verdict}")
    curve = plots.training(file.beside(".png"), "right answers (%)", run)
    best = f" ({run.best:.1%}, epoch {run.best_epoch})" if run.best_epoch else ""
    say(f"\nmodel       {file.path}{best}")
    say(f"curve       {curve}")
    if options.model == "AttentionSeq2seq":
        looked = [looked_at(model, question) for question, _ in both[: min(held, DRAWN)]]
        say(f"attention   {plots.attention(file.beside('-attention.png'), looked)}")
    say(f"use it      python -m fastembed translate {file.path}")


def _tokenizer(pairs, options):
    texts = [text for pair in pairs for text in pair]
    level = getattr(options, "level", "char")
    return train(level, texts, min_count=1 if level == "char" else 2, eos="\n")


def looked_at(model, text):
    """A question's tokens, its answer's, and what the decoder looked at for each of these."""
    tokenizer = generation.tokenizer_of(model)
    end = int(tokenizer.eos_id)
    asked = generation.question(tokenizer, text)
    (ids,) = model.answers([asked], end, 200)
    model.decoder.forward(np.array([[end, *ids]]), model.encoder.forward(np.array([asked])))
    weights = np.array([row[0] for row in model.decoder.attention.attention_weights])
    names = tokenizer.tokens
    read = len(tokenizer.encode(text))  # what came before it is padding
    told = [names[k] for k in (*ids, end)]  # the mark that ends the answer too
    return [names[k] for k in asked[::-1][:read]], told, weights[:, ::-1][:, :read]


TASKS = {
    "pairs": (partial(run, "pairs", given_pairs), PAIRS),
    "addition": (partial(run, "addition", partial(made, questions.additions)), ADDITION),
    "date": (partial(run, "date", partial(made, questions.dates)), DATE),
}
