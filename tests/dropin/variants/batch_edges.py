"""get_batch of short texts, of other lengths, of a time index that is none."""

from common import ids
from textbook import RnnlmTrainer


def run():
    trainer = RnnlmTrainer(None, None)
    words = ids(90, 30)
    for start, size, time_size in (
        (0, 40, 3),
        (-7, 4, 3),
        (2.0, 4, 3),
        (None, 4, 3),
        (0, 0, 3),
        (0, 4, 0),
    ):
        trainer.time_idx = start
        try:
            yield trainer.get_batch(words, words[:20], size, time_size)
        except Exception as error:
            yield type(error).__name__
        yield trainer.time_idx
