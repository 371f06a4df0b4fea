"""Sequence to sequence: a network learns to add from examples, digit by digit."""

# %% Questions and answers, as characters
import os

import numpy as np

from fastembed.models import PeekySeq2seq
from fastembed.optimizer import Adam
from fastembed.trainer import Trainer

SIZE = float(os.environ.get("EXAMPLE_SIZE", 1))
CHARS = "0123456789+ _"  # blanks fill up, _ begins an answer


def encode(texts, width):
    return np.array([[CHARS.index(c) for c in text.ljust(width)] for text in texts])


rng = np.random.default_rng(0)
pairs = np.unique(
    rng.integers(0, 10 ** rng.integers(1, 4, (max(400, int(40_000 * SIZE)), 2))), axis=0
)
pairs = rng.permutation(pairs)
asked = [f"{a}+{b}" for a, b in pairs]
xs = encode(asked, 7)[:, ::-1].copy()  # read backwards, the first digits are nearest to the answer
ts = encode([f"_{a + b}" for a, b in pairs], 5)
held = len(xs) // 20
print(len(xs), "questions, such as", asked[0])

# %% Train: an encoder reads the question, a decoder writes the answer
np.random.seed(0)
model = PeekySeq2seq(len(CHARS), wordvec_size=16, hidden_size=128)
trainer = Trainer(model, Adam(0.004), verbose=False)


def right(count=200):
    """The share of held-out questions that are answered without a mistake."""
    rows = range(min(count, held))
    return np.mean([model.generate(xs[k : k + 1], ts[k, 0], 4) == ts[k, 1:].tolist() for k in rows])


for epoch in range(max(1, round(8 * SIZE))):
    trainer.fit(xs[held:], ts[held:], 1, batch_size=128, max_grad=5.0)
    print(f"epoch {epoch + 1}: {right():.1%} of the held-out additions are right")

# %% Ask it
for k in range(5):
    guess = model.generate(xs[k : k + 1], ts[k, 0], 4)
    print(f"{asked[k]:>8} =", "".join(CHARS[c] for c in guess))
