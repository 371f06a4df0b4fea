"""get_batch of words that int32 does not hold, and with a time_size of NumPy's."""

from common import ids, np
from textbook import RnnlmTrainer


def run():
    trainer = RnnlmTrainer(None, None)
    trainer.time_idx = 0
    corpus = ids(50, 300)
    for words in (corpus, corpus + 2**33, (corpus + 2**33).tolist()):
        try:
            yield trainer.get_batch(words, corpus, 5, 7)
        except OverflowError as error:
            yield str(error)
    yield trainer.get_batch(corpus, corpus, 5, np.int64(7)), trainer.time_idx
