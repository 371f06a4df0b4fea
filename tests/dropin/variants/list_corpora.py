"""get_batch of lists."""

from common import ids
from textbook import RnnlmTrainer


def run():
    trainer = RnnlmTrainer(None, None)
    trainer.time_idx = 0
    words = ids(90, 500).tolist()
    for _ in range(4):
        yield trainer.get_batch(words[:-1], words[1:], 7, 9)
        yield trainer.time_idx
