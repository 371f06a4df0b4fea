"""Your own text: from a file to a language model that writes like it."""

# %% A text file. Put yours in its place.
import os
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

from fastembed.models import RnnlmGen
from fastembed.optimizer import SGD
from fastembed.text import Corpus, find
from fastembed.trainer import RnnlmTrainer
from fastembed.util import eval_perplexity

SIZE = float(os.environ.get("EXAMPLE_SIZE", 1))
content = "\n\n".join(topics.values())
Path("own.txt").write_text(content[: max(30_000, int(len(content) * SIZE))], "utf-8")

# %% Words as ids; a tenth of the text is held out
corpus = Corpus.make(find(["own.txt"]), "own-ids", level="word", min_count=2)
print(*corpus.report, sep="\n")
words, ids = corpus.tokenizer.tokens, corpus.train

# %% Train; where an epoch hardly helps, go on with smaller steps
np.random.seed(1)
model = RnnlmGen(len(words), wordvec_size=100, hidden_size=100)
optimizer, best = SGD(20.0), np.inf
trainer = RnnlmTrainer(model, optimizer, verbose=False)
for epoch in range(max(1, round(4 * SIZE))):
    model.reset_state()
    trainer.fit(ids[:-1], ids[1:], 1, 20, 35, max_grad=0.25, eval_interval=None)
    model.reset_state()
    ppl = eval_perplexity(model, corpus.held_out, 5, 35)
    print(f"epoch {epoch + 1}: perplexity {ppl:.0f} on held-out text")
    optimizer.lr /= 5 if ppl > 0.9 * best else 1
    best = min(best, ppl)

# %% Let it write
model.reset_state()
unknown, end = words.index("<unk>"), words.index("<eos>")
written = model.generate(end, [unknown], sample_size=40, temperature=0.6)
print(corpus.tokenizer.decode(written[1:]))

# %% Keep it: python -m fastembed train own.txt does all of this, and resumes
model.save("own.safetensors", {"words": str(len(words))})
