"""Attention: dates in many formats, and a picture of where the network looks."""

# %% Dates as people write them, and as ISO 8601 does
import datetime
import os

import numpy as np

from fastembed.models import AttentionSeq2seq
from fastembed.optimizer import Adam
from fastembed.trainer import Trainer

SIZE = float(os.environ.get("EXAMPLE_SIZE", 1))
FORMATS = [
    "%B %d, %Y",
    "%b %d, %Y",
    "%A, %B %d, %Y",
    "%d %B %Y",
    "%m/%d/%y",
    "%d.%m.%Y",
    "%Y/%m/%d",
]
WIDTH = 30

rng = np.random.default_rng(0)
days = rng.integers(0, 365 * 60, max(300, int(20_000 * SIZE)))
dates = [datetime.date(1970, 1, 1) + datetime.timedelta(int(day)) for day in days]
asked = [date.strftime(FORMATS[rng.integers(len(FORMATS))]).ljust(WIDTH) for date in dates]
answered = ["_" + date.isoformat() for date in dates]
chars = sorted(set("".join(asked + answered)))
xs, ts = (
    np.array([[chars.index(c) for c in text] for text in texts]) for texts in (asked, answered)
)
xs = xs[:, ::-1].copy()  # the first character is nearest to the answer
held = len(xs) // 20
print("such as", repr(asked[0].strip()), "->", repr(answered[0][1:]))

# %% Train
np.random.seed(0)
model = AttentionSeq2seq(len(chars), wordvec_size=16, hidden_size=max(16, int(128 * SIZE)))
trainer = Trainer(model, Adam(0.004), verbose=False)
for epoch in range(max(1, round(4 * SIZE))):
    trainer.fit(xs[held:], ts[held:], 1, batch_size=64, max_grad=5.0)
    rows = range(min(200, held))
    right = [model.generate(xs[k : k + 1], ts[k, 0], 10) == ts[k, 1:].tolist() for k in rows]
    print(f"epoch {epoch + 1}: {np.mean(right):.1%} of the held-out dates are right")

# %% Where it looks while it writes: down the answer, across the question
import matplotlib.pyplot as plt

figure, places = plt.subplots(3, figsize=(9, 9), layout="constrained")
for k, axes in enumerate(places):
    model.forward(xs[k : k + 1], ts[k : k + 1])
    weights = [step[0, ::-1] for step in model.decoder.attention.attention_weights]
    axes.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(WIDTH), list(asked[k]))
    axes.set_yticks(range(10), list(answered[k][1:]))
figure.savefig("attention.png", dpi=120)
