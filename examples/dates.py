"""Attention: dates in many formats, and a picture of where the network looks."""

# %% Dates as people write them
import os

import numpy as np

from fastembed.models import AttentionSeq2seq
from fastembed.optimizer import Adam
from fastembed.tasks import plots, questions
from fastembed.tasks.seq2seq import answers
from fastembed.trainer import Trainer

SIZE = float(os.environ.get("EXAMPLE_SIZE", 1))
rng = np.random.default_rng(0)
asked, answered = questions.dates(max(300, int(20_000 * SIZE)), rng)
chars = sorted(set("".join(asked + answered) + " "))
xs, ts = questions.encode(asked, chars), questions.encode(answered, chars)
xs = xs[:, ::-1].copy()
held = len(xs) // 20
print("such as", repr(asked[0]), "->", repr(answered[0]))

# %% Train
np.random.seed(0)
model = AttentionSeq2seq(len(chars), wordvec_size=16, hidden_size=max(16, int(128 * SIZE)))
trainer = Trainer(model, Adam(0.004), verbose=False)
for epoch in range(max(1, round(3 * SIZE))):
    trainer.fit(xs[held:], ts[held:], 1, batch_size=64, max_grad=5.0)
    guesses = answers(model, xs[:held], ts[0, 0], ts.shape[1] - 1)
    print(f"epoch {epoch + 1}: {(guesses == ts[:held, 1:]).all(axis=1).mean():.1%} right")


# %% Where it looks while it writes: down the answer, across the question
def looked_at(k):
    (guess,) = answers(model, xs[k : k + 1], ts[0, 0], 10)
    weights = [row[0][::-1] for row in model.decoder.attention.attention_weights]
    return list(asked[k].ljust(xs.shape[1])), [chars[c] for c in guess], weights


print(plots.attention("attention.png", [looked_at(k) for k in range(3)]))
