"""Sequence to sequence: a network learns to add from examples, digit by digit."""

# %% Questions and answers, as characters
import os

import numpy as np

from fastembed.models import PeekySeq2seq
from fastembed.optimizer import Adam
from fastembed.tasks import questions
from fastembed.tasks.seq2seq import answers
from fastembed.trainer import Trainer

SIZE = float(os.environ.get("EXAMPLE_SIZE", 1))
rng = np.random.default_rng(0)
asked, answered = questions.additions(max(400, int(30_000 * SIZE)), rng)
chars = sorted(set("".join(asked + answered) + " "))
xs, ts = questions.encode(asked, chars), questions.encode(answered, chars)
xs = xs[:, ::-1].copy()  # read backwards, the first digits are nearest to the answer
held = len(xs) // 20
print("such as", repr(asked[0]), "->", repr(answered[0]))

# %% Train: an encoder reads the question, a decoder writes the answer
np.random.seed(0)
model = PeekySeq2seq(len(chars), wordvec_size=16, hidden_size=128)
trainer = Trainer(model, Adam(0.004), verbose=False)


def right():
    """The share of held-out questions that are answered without a mistake."""
    guesses = answers(model, xs[:held], ts[0, 0], ts.shape[1] - 1)
    return (guesses == ts[:held, 1:]).all(axis=1).mean()


for epoch in range(max(1, round(6 * SIZE))):
    trainer.fit(xs[held:], ts[held:], 1, batch_size=128, max_grad=5.0)
    print(f"epoch {epoch + 1}: {right():.1%} of the held-out additions are right")

# %% Ask it
for k in range(5):
    (guess,) = answers(model, xs[k : k + 1], ts[0, 0], ts.shape[1] - 1)
    print(f"{asked[k]:>8} = {questions.decode(guess, chars)}")
