"""First steps: a layer, a model, a training loop.

Cells are set apart by ``# %%``: VS Code, PyCharm and Spyder run them one by one.
"""

# %% A layer: ids become vectors, gradients come back into grads
import os

import numpy as np

from fastembed.time_layers import TimeEmbedding

SIZE = float(os.environ.get("EXAMPLE_SIZE", 1))  # less than 1: a shorter run

W = np.random.default_rng(0).standard_normal((10, 4)).astype("f")
embed = TimeEmbedding(W)
xs = np.array([[3, 1, 3]])  # one sequence of three ids
vectors = embed.forward(xs)
print(vectors.shape, "the rows of ids 3, 1, 3")

embed.backward(np.ones_like(vectors))
print("gradient of row 3:", embed.grads[0][3], "(it was read twice)")

# %% A text as ids
text = "you say goodbye and i say hello . " * 50
words = text.split()
vocabulary = sorted(set(words))
ids = np.array([vocabulary.index(word) for word in words])
print(len(ids), "words,", len(vocabulary), "different")

# %% A language model and its training
from fastembed.models import RnnlmGen
from fastembed.optimizer import Adam
from fastembed.trainer import RnnlmTrainer

np.random.seed(0)
model = RnnlmGen(len(vocabulary), wordvec_size=16, hidden_size=32)
trainer = RnnlmTrainer(model, Adam(0.01), verbose=False)
epochs = max(2, int(20 * SIZE))
trainer.fit(ids[:-1], ids[1:], max_epoch=epochs, batch_size=5, time_size=8, eval_interval=1)
print(f"perplexity {trainer.ppl_list[0]:.2f} at first, {trainer.ppl_list[-1]:.2f} at last")

# %% What it writes
model.reset_state()
written = model.generate(vocabulary.index("you"), sample_size=8, temperature=0)
print(" ".join(vocabulary[k] for k in written))

# %% Keep it, and load it again
model.save("first-steps.safetensors")
again = RnnlmGen(len(vocabulary), wordvec_size=16, hidden_size=32)
again.load("first-steps.safetensors")
assert all(np.array_equal(a, b) for a, b in zip(model.params, again.params, strict=True))
