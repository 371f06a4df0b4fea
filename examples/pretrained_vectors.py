"""Word vectors that were learnt elsewhere: neighbours, and a model that begins with them."""

# %% Vectors: learnt here by CBOW; a file of GloVe, word2vec or fastText loads in the same way
import os
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

from fastembed import vectors
from fastembed.models import CBOW, Rnnlm
from fastembed.optimizer import Adam
from fastembed.text import Corpus, find
from fastembed.trainer import RnnlmTrainer, Trainer
from fastembed.util import create_contexts_target, eval_perplexity

SIZE = float(os.environ.get("EXAMPLE_SIZE", 1))
content = "\n\n".join(topics.values())
Path("reference.txt").write_text(content[: max(60_000, int(len(content) * SIZE))], "utf-8")
corpus = Corpus.make(find(["reference.txt"]), "reference-ids", level="word", vocab_size=1000)
tokens = [token.strip() for token in corpus.tokenizer.tokens]
ids = np.array(corpus.train)
small, large = ids[:8_000], ids[8_000:]  # the small part is all that the language model has

np.random.seed(0)
is_word = np.array([token.isalpha() for token in tokens])
large = large[is_word[large]]
contexts, target = create_contexts_target(large, window_size=3)
cbow = CBOW(len(tokens), 32, 3, np.append(np.arange(len(tokens)), large))
epochs = max(1, round(20 * SIZE))
Trainer(cbow, Adam(0.01), verbose=False).fit(contexts, target, epochs, 500, eval_interval=None)

learnt = {tokens[k]: k for k in np.unique(large)[::-1]}  # word -> its row
vectors.save("words.vec", list(learnt), cbow.word_vecs[list(learnt.values())])

# %% Neighbours
wv = vectors.load("words.vec")
for query in ("list", "integer", "class"):
    if query in wv:
        print(f"{query:8}", ", ".join(word for word, _ in wv.most_similar(query, topn=5)))

# %% Rows for a vocabulary of your own: what the file has, and random rows of the same kind
W, report = wv.fit(tokens)
print(report)
W = (W / W.std() / 10).astype("f")  # as wide as an LSTM likes its input


# %% A language model on the small part, from random rows and from these
def train_lm(rows):
    """The best perplexity on held-out text."""
    np.random.seed(1)
    lm = Rnnlm(len(tokens), 32, 32)
    if rows is not None:
        lm.params[0][...] = rows  # parameters are changed in place
    trainer, best = RnnlmTrainer(lm, Adam(0.003), verbose=False), np.inf
    for _ in range(max(1, round(12 * SIZE))):
        lm.reset_state()
        trainer.fit(small[:-1], small[1:], 1, 20, 10, 5.0, eval_interval=None)
        lm.reset_state()
        best = min(best, eval_perplexity(lm, corpus.held_out, 5, 10))
    return best


print(f"perplexity {train_lm(None):.0f} from random rows, {train_lm(W):.0f} from learnt ones")
